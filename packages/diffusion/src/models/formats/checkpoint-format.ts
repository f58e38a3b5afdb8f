/** Checkpoints as one of the formats of models. */
import { CheckpointError } from "@fromnoise/tensor";
import type { StateDict } from "@fromnoise/nn";
import { refuseNetwork, WEIGHTS, type ModelFormat, type Weights } from "../model-format.js";
import { withFile, type Source } from "../source.js";
import { checkpointIn, withCheckpoint } from "./checkpoint.js";

export const checkpointFormat: ModelFormat = {
  name: "a checkpoint or the folder of a run",
  files: "checkpoint-<step>.safetensors",

  async detect(source) {
    const names = await source.list();
    const file = await checkpointIn(source);
    return file !== undefined && (names.length > 1 || await looksLikeSafetensors(source, file));
  },

  describe: (source, options = {}) => withCheckpoint(source, async ({ path, names, info: { format, model, training, position, average } }) => {
    refuseNetwork(path, options);
    const { network, ...how } = model;
    const weights = heldWeights(names);
    const step = position?.step ?? average?.step;
    if (training === undefined || step === undefined) return { network, how, weights, facts: { file: path, format, ...how } };
    const { model: _network, ...trainer } = training;
    return { network, how, weights, step, steps: training.steps, facts: { file: path, format, step, average, trainer } };
  }),

  read: (source, { weights, variant, ...options } = {}) => withCheckpoint(source, async ({ path, info: { model, training, position, average }, names, read }) => {
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
    const step = position?.step ?? average?.step;
    const which = average !== undefined ? `average of length ${average.length}` : group === "ema" ? "averaged weights" : "raw weights";
    return {
      ...model, tensors, source: `${path}, ${step === undefined ? "" : `step ${step}, `}${which}`,
      ...(training === undefined ? {} : { training }), ...(position === undefined ? {} : { position }),
    };
  }),
};

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
