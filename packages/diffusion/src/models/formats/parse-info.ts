/** Reading what a checkpoint says beside its tensors: nothing of it is believed before it is looked at. */
import { CheckpointError, ConfigError } from "@fromnoise/tensor";
import { AVERAGE_LENGTHS, parseJson as parsed, type JsonObject } from "@fromnoise/nn";
import { checkFields } from "../../config/fields.js";
import { integer, isObject, number, shown } from "@fromnoise/nn/kinds";
import { checkPrediction, predictionFor } from "../../denoisers/prediction.js";
import { processOf } from "../../process/named.js";
import { trainFields } from "../../train/config.js";
import type { AverageInfo, ModelInfo } from "../model-format.js";
import { checkPosition } from "./check-position.js";
import { FORMAT_1, fromFormat1 } from "./checkpoint-1.js";
import { FORMAT_2, joinConfig, type CheckpointInfo, type Digests } from "./checkpoint-info.js";

/** What the metadata of a file says. */
export interface ReadInfo extends CheckpointInfo {
  /** The format of the file. */
  readonly format: string;
  /** undefined in format 1, which has none. */
  readonly digests: Digests | undefined;
}

const averageLength = number(AVERAGE_LENGTHS), averageStep = integer();

type Parts = Readonly<Record<string, unknown>>;

/** The objects that each format must have. */
const parts: Readonly<Record<string, readonly string[]>> = {
  [FORMAT_1]: ["config", "trainer", "position"], [FORMAT_2]: ["model", "digests"],
};

/** How a model is trained and sampled is said in the same fields as the configuration of a run. */
const modelFields = { process: trainFields.schedule, prediction: trainFields.prediction, ...trainFields.sampling.fields };

/**
 * Reads the JSON string in the metadata of a file, of format 2 or 1.
 * Throws CheckpointError when there is none, it is of another format or lacks a part, or holds a configuration that is none.
 */
export function parseInfo(path: string, text: string | undefined): ReadInfo {
  const said = parseJson(path, text);
  const format = said["format"] as string;
  try {
    const info = checkedInfo(path, format === FORMAT_1 ? fromFormat1(said as Record<string, object>) : said);
    return { format, ...info, digests: format === FORMAT_1 ? undefined : said["digests"] as Digests };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CheckpointError(`${path} holds a configuration that is none: ${error.summary}`, error.details);
  }
}

/** The parsed string, with the parts that its format must have. */
function parseJson(path: string, text: string | undefined): Parts {
  const other = [
    `expected  __metadata__.fromnoise with format ${FORMAT_2} or ${FORMAT_1}`,
    "hint      `fromnoise import` reads folders that diffusers wrote",
  ];
  if (text === undefined) throw new CheckpointError(`${path} is no checkpoint of fromnoise`, other);
  let json: unknown;
  try {
    json = parsed(text);
  } catch {
    throw new CheckpointError(`${path}: __metadata__.fromnoise is not JSON`, other);
  }
  const said = isObject(json) ? json : {};
  const { format } = said;
  if (typeof format !== "string" || !Object.hasOwn(parts, format)) {
    throw new CheckpointError(`${path} has the format ${shown(format)}`, other);
  }
  for (const part of parts[format]) if (!isObject(said[part])) throw lacking(path, part);
  return said;
}

function lacking(path: string, part: string): CheckpointError {
  return new CheckpointError(`${path}: __metadata__.fromnoise has no ${part}`, ["format   docs/checkpoint-format.md"]);
}

function checkedInfo(path: string, said: Parts): CheckpointInfo {
  const model = checkedModel(path, said["model"] as Parts);
  const { training, position, average, facts } = said;
  if (facts !== undefined && !isObject(facts)) throw lacking(path, "facts that are an object");
  const alone = { model, ...(facts === undefined ? {} : { facts: facts as JsonObject }) };
  if (training === undefined && position === undefined) return alone;
  if (!isObject(training)) throw lacking(path, "training");
  const config = joinConfig(model, training);
  if (average !== undefined) return { ...alone, training: config, average: checkedAverage(path, average) };
  if (!isObject(position)) throw lacking(path, "position");
  return { ...alone, training: config, position: checkPosition(path, position) };
}

function checkedAverage(path: string, average: unknown): AverageInfo {
  const { length, step } = isObject(average) ? average : {};
  if (averageStep.fits(step)) {
    if (length === undefined) return { step };
    if (averageLength.fits(length)) return { step, length };
  }
  throw new CheckpointError(`${path}: average is ${shown(average)}`, [`allowed  {step, length}: ${averageStep.allowed}; ${averageLength.allowed}, or none`]);
}

function checkedModel(path: string, { network, ...rest }: Parts): ModelInfo {
  if (!isObject(network)) throw lacking(path, "model.network");
  const { kind, config } = network;
  if (typeof kind !== "string") throw lacking(path, "model.network.kind");
  if (!isObject(config)) throw lacking(path, "model.network.config");
  const missing = Object.keys(modelFields).find((name) => rest[name] === undefined);
  if (missing !== undefined) throw lacking(path, `model.${missing}`);
  if (isObject(rest["process"]) && rest["process"]["name"] === undefined) throw lacking(path, "model.process.name");
  const how = checkFields<Omit<ModelInfo, "network">>(modelFields, rest, "model");
  checkPrediction(processOf(how.process), predictionFor(how.prediction, how.process));
  return { network: { kind, config: config as JsonObject }, ...how };
}
