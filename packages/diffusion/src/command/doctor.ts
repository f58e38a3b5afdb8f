import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError, ConfigError, type Device } from "@fromnoise/tensor";
import type { Network } from "@fromnoise/nn";
import { flag, integer, oneOf, text } from "@fromnoise/nn/kinds";
import { deviceField } from "../config/device.js";
import { field, optional, type OptionsOf } from "../config/fields.js";
import { flagsOf, givenFields, optionsOf, type FlagValues } from "../config/flags.js";
import type { Dataset } from "../data/dataset.js";
import { openDataset } from "../data/node/index.js";
import { splitDataset } from "../data/split.js";
import { diagnose, type Diagnosis, type DiagnoseOptions } from "../doctor/diagnose.js";
import { findingLine } from "../doctor/finding.js";
import { imagesOf, type GivenSamples } from "../doctor/patient.js";
import { loadModel } from "../models/node/load.js";
import type { TrainedModel } from "../models/load-model.js";
import { samplers } from "../samplers/index.js";
import { trainDefaults } from "../train/config.js";
import { parseMetrics, type StepMetrics } from "../train/metrics.js";
import { revectorizeField, withDevice, type Arguments, type Command } from "./command.js";
import { openProgress } from "./progress.js";
import { askedFor, networkField, variantField, weightsField } from "./sample.js";

const count = integer({ from: 8, to: 100_000 });
const doctorFields = {
  data: optional(text, "what it was trained on: names as `train` takes them", { value: "NAME", shown: "the run's own" }),
  samples: optional(text, "samples that there are already, a folder of images or SHEET.png:TILE, in place of drawing some", { value: "NAME" }),
  count: field(count, 64, "samples to draw, or to look at"),
  sampler: field(oneOf(samplers.map(({ name }) => name)), samplers[0].name, "how they are drawn"),
  weights: weightsField,
  variant: variantField,
  network: networkField,
  verbose: field(flag, false, "print every figure beside what is usual"),
  json: field(flag, false, "print {source, data, figures, findings} as JSON"),
  seed: field(integer(), 0, "seed of all noise"),
  device: deviceField(trainDefaults.device),
  revectorize: revectorizeField,
};
type Options = OptionsOf<typeof doctorFields>;

export const doctor: Command = {
  name: "doctor",
  summary: "what is wrong with a model, found out from what it does",
  usage: "fromnoise doctor RUN|CHECKPOINT|DIFFUSERS-FOLDER|FILE.pt [flags]",
  examples: [
    "fromnoise doctor runs/digits",
    "fromnoise doctor runs/digits --json",
  ],
  operands: ["<model>"],
  flags: [
    ...flagsOf(doctorFields), ...samplers.flatMap(({ name, summary, fields }) => flagsOf(fields, `--sampler ${name}, ${summary}`)),
  ],
  notes: [
    "Looks at the model, its data, its samples and, of a run, its metrics; settings of training are not read. Each finding is a line: the",
    "figure, what is usual, what to change. docs/doctor.md has them all. The exit code is 0 where nothing was found, 3 where something was.",
  ].join("\n"),
  run: runDoctor,
};

/** Where findings were made: neither a failure of the command, 1, nor of its usage, 2. */
const FOUND = 3;

async function runDoctor({ operands: [path], flags }: Arguments): Promise<number> {
  const options = optionsOf(doctorFields, flags);
  return withDevice(options.device, options.revectorize, async (device) => {
    const asked = askedFor(options);
    const model = await loadModel(path, device, asked);
    const { training, heldOut } = dataOf(model, options);
    console.error(`model    ${model.source}`);
    console.error(`data     ${training.describe()}`);
    console.error(`device   ${device.description}`);
    const diagnosis = await showing({
      model, device, training, heldOut, raw: options.weights === "model" ? undefined : await rawOf(path, model, device, asked),
      metrics: metricsIn(path), ...samplesOf(options, flags, training), count: options.count, seed: options.seed,
    });
    if (options.json) console.log(JSON.stringify({ source: model.source, data: training.describe(), figures: diagnosis.figures, findings: diagnosis.findings }, null, 2));
    else console.log(diagnosisText(diagnosis, options.verbose));
    return diagnosis.findings.length === 0 ? 0 : FOUND;
  });
}

async function showing(request: DiagnoseOptions): Promise<Diagnosis> {
  let progress: ReturnType<typeof openProgress> | undefined;
  try {
    return await diagnose({ ...request, onStage: (stage, done, total) => (progress ??= openProgress("examination", total)).update(done, { now: stage }) });
  } finally {
    progress?.stop();
  }
}

/** The weights of the last step, where the model has averages besides. */
async function rawOf(path: string, { training }: TrainedModel, device: Device, asked: ReturnType<typeof askedFor>): Promise<Network | undefined> {
  if (training === undefined) return undefined;                        // a file of weights alone, or of another program
  try {
    return (await loadModel(path, device, { ...asked, weights: "model" })).network;
  } catch (error) {
    if (error instanceof CheckpointError) return undefined;            // averages alone
    throw error;
  }
}

/** What training wrote down in the folder of a run. */
function metricsIn(folder: string): StepMetrics[] | undefined {
  const path = join(folder, "metrics.jsonl");
  return existsSync(path) ? parseMetrics(readFileSync(path, "utf8")) : undefined;
}

/** The data that the model was trained on, and what was held out of them. */
function dataOf({ network: { spec: { sample } }, training }: TrainedModel, { data }: Options): { training: Dataset; heldOut: Dataset | undefined } {
  const name = data ?? training?.data;
  if (name === undefined) throw new ConfigError("--data is missing: the model does not say what it was trained on");
  const [height, width, channels] = sample;
  if (sample.length !== 3 || (channels !== 1 && channels !== 3)) {
    throw new ConfigError("the network takes no images", [`sample   [${sample.join(", ")}]`]);
  }
  const dataset = openDataset(name, { channels, ...(height === null || width === null ? {} : { size: [height, width] }) });
  return splitDataset(dataset, training?.holdOut ?? 0);
}

/** Samples that are given, or how they are drawn. */
function samplesOf({ samples, count: most, sampler: name }: Options, flags: FlagValues, { shape: [height, width, channels] }: Dataset): Pick<DiagnoseOptions, "samples" | "sampler" | "options"> {
  const sampler = samplers.find((one) => one.name === name)!;
  if (samples === undefined) return { sampler, options: givenFields(sampler.fields, flags) };
  const { count: n, data } = imagesOf(openDataset(samples, { size: [height, width], channels: channels as 1 | 3 }), most);
  const given: GivenSamples = { images: { shape: [n, height, width, channels], data } };
  return { samples: given };
}

/** The findings, a line each, and what follows from them in one; with `verbose` all figures first. */
export function diagnosisText({ figures, findings }: Pick<Diagnosis, "figures" | "findings">, verbose: boolean): string {
  const table = verbose ? [...figures.map(({ examination, what, found, usual }) => `${examination}: ${what}: ${found}; usual: ${usual}`), ""] : [];
  const roots = findings.filter(({ because }) => because === undefined), others = findings.filter(({ because }) => because !== undefined);
  const following = others.length === 0 ? [] : [`follows:  ${others.map(({ what, found, because }) => `${what} ${found} (${because!})`).join("; ")}`];
  const said = findings.length === 0 ? [`nothing found in ${figures.length} figures; --verbose shows them`] : [...roots.map(findingLine), ...following];
  return [...table, ...said].join("\n");
}
