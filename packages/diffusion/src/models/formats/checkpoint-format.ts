/** Checkpoints as one of the formats of models. */
import { CheckpointError } from "@fromnoise/tensor";
import type { EncodedSafetensors, StateDict } from "@fromnoise/nn";
import { refuseNetwork, WEIGHTS, type ModelFile, type ModelFormat, type Weights } from "../model-format.js";
import { withFile, type Source } from "../source.js";
import { checkpointIn, encodeCheckpoint, withCheckpoint, type EncodeCheckpointOptions } from "./checkpoint.js";

/** Runs and checkpoints of this library, formats 1 and 2: docs/checkpoint-format.md. */
export const checkpointFormat: ModelFormat = {
  name: "a checkpoint or the folder of a run",
  files: "checkpoint-<step>.safetensors",

  async detect(source) {
    const names = await source.list();
    const file = await checkpointIn(source);
    return file !== undefined && (names.length > 1 || await looksLikeSafetensors(source, file));
  },

  describe: (source, options = {}) => withCheckpoint(source, async ({ path, names, info: { format, model, training, position, average, facts: told } }) => {
    refuseNetwork(path, options);
    const { network, ...how } = model;
    const weights = heldWeights(names);
    const step = position?.step ?? average?.step;
    if (training === undefined || step === undefined) return { network, how, weights, facts: { file: path, format, ...how, ...told } };
    const { model: _network, ...trainer } = training;
    return { network, how, weights, step, steps: training.steps, facts: { file: path, format, step, ...(average === undefined ? {} : { average }), ...told, trainer } };
  }),

  read: (source, { weights, variant, ...options } = {}) => withCheckpoint(source, async ({ path, info: { model, training, position, average, facts }, names, read }) => {
    refuseNetwork(path, options);
    if (variant !== undefined) throw new CheckpointError(`${path} has no variants`, ["hint     they are of folders that diffusers wrote"]);
    const held = heldWeights(names);
    const group = weights ?? held[0] ?? "model";
    if (!held.includes(group)) {
      const found = held.length === 0 ? `${names.length} tensors of other names` : held.map((name) => `${name}.*`).join(", ");
      throw new CheckpointError(`${path} holds no tensors ${group}.*`, [`found    ${found}`]);
    }
    const tensors: StateDict = new Map();
    for (const name of names) if (name.startsWith(`${group}.`)) tensors.set(name.slice(group.length + 1), await read(name));
    const taken = average ?? (group === "ema" && position !== undefined ? { step: position.step } : undefined);
    const step = taken?.step ?? position?.step;
    const which = taken?.length !== undefined ? `average of length ${taken.length}` : group === "ema" ? "averaged weights" : "raw weights";
    return {
      ...model, tensors, source: `${path}, ${step === undefined ? "" : `step ${step}, `}${which}`,
      ...(training === undefined ? {} : { training }), ...(position === undefined ? {} : { position }),
      ...(taken === undefined ? {} : { average: taken }), ...(facts === undefined ? {} : { facts }),
    };
  }),
};

/**
 * A model as a file of its own, a checkpoint that no run could go on from: what `checkpointFormat` reads, in half precision where it is
 * asked for. Averaged weights of a run keep its configuration. Throws as encodeCheckpoint.
 */
export function modelFileOf(
  { tensors, training, average, facts, network, process, prediction, variance, clipX0 }: Omit<ModelFile, "source">, options: EncodeCheckpointOptions = {},
): Promise<EncodedSafetensors> {
  return encodeCheckpoint({
    model: { network, process, prediction, variance, clipX0 }, ...(facts === undefined ? {} : { facts }),
    ...(training === undefined || average === undefined ? {} : { training, average }),
  }, average === undefined ? { "model.": tensors } : { "ema.": tensors }, options);
}

/** The sets of weights among tensors of these names. */
function heldWeights(names: readonly string[]): Weights[] {
  return WEIGHTS.filter((group) => names.some((name) => name.startsWith(`${group}.`)));
}

/** Whether a file begins as such files do: 8 bytes of length, of which the last four are 0, and JSON. */
export function looksLikeSafetensors(source: Source, file: string): Promise<boolean> {
  return withFile(source, file, async (reader) => {
    if (reader.size < 9) return false;
    const first = await reader.read(0, 9);
    return first.subarray(4, 8).every((byte) => byte === 0) && first[8] === 0x7b;             // "{"
  });
}
