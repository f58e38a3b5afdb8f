/** The state of a run in checkpoints, and back. */
import { CheckpointError } from "@fromnoise/tensor";
import { loadStateDict, stateDict, type FileLayer, type Network, type StateDict, type TensorsByParameter } from "@fromnoise/nn";
import { splitConfig } from "../models/formats/checkpoint-info.js";
import { checkTensors, writeCheckpoint, type Checkpoint, type GroupPrefix } from "../models/formats/checkpoint.js";
import type { TrainConfig } from "./config.js";
import type { Trainer, TrainerPosition } from "./trainer.js";

/** Where a run keeps a group of its checkpoints: the parameters of a network, or tensors in place of them. */
interface Held { readonly prefix: GroupPrefix; readonly network: Network; readonly tensors?: TensorsByParameter }

function groupsOf({ network, ema, optimizer, profiles }: Trainer): Held[] {
  return [
    { prefix: "model.", network }, { prefix: "ema.", network: ema.network },
    { prefix: "adam.m.", network, tensors: optimizer.m }, { prefix: "adam.v.", network, tensors: optimizer.v },
    ...profiles.map(({ length, network: average }): Held => ({ prefix: averagePrefix(length), network: average })),
  ];
}

/** How the names of a checkpoint's tensors begin that are the average of a relative length. */
export function averagePrefix(length: number): GroupPrefix {
  return `average-${length}.`;
}

/**
 * Writes a run's state, replacing an earlier file all at once.
 * Throws CheckpointError, also for a trainer that broke off in an update, and NumericError for a value that is not finite; then the
 * earlier file is untouched.
 */
export async function saveCheckpoint(path: string, trainer: Trainer, files?: FileLayer): Promise<void> {
  trainer.assertWhole();
  const groups: Partial<Record<GroupPrefix, StateDict>> = {};
  for (const { prefix, network, tensors } of groupsOf(trainer)) groups[prefix] = await stateDict(network, tensors);
  trainer.assertWhole();                                    // a step may have broken off while the tensors were read
  const { config: training } = trainer;
  const { model } = splitConfig(trainer.network.spec, training);
  await writeCheckpoint(path, { model, training, position: trainer.position() }, groups, files);
  trainer.savedIn(path);
}

/** What of a checkpoint a run needs to go on. Throws CheckpointError for a model alone. */
export function runOf(
  { path, info: { training, position } }: Pick<Checkpoint, "path" | "info">,
): { training: TrainConfig; position: TrainerPosition } {
  if (training !== undefined && position !== undefined) return { training, position };
  throw new CheckpointError(`${path} holds a model alone, no run that could be resumed`, ["hint     it can be sampled"]);
}

/**
 * Puts a checkpoint's tensors and position into a run of its network.
 * Throws CheckpointError for a model alone, or with the difference, key by key; then the run is as it was.
 */
export function restoreTrainer(trainer: Trainer, checkpoint: Checkpoint): void {
  const { path, tensors } = checkpoint;
  const { position } = runOf(checkpoint);
  const held = groupsOf(trainer);
  const stray = [...tensors.keys()].filter((name) => !held.some(({ prefix }) => name.startsWith(prefix)));
  if (stray.length > 0) throw new CheckpointError(`${path} holds tensors of no group`, stray.map((name) => `extra      ${name}`));
  const groups = held.map(({ prefix, ...into }) => {
    const named = [...tensors].filter(([name]) => name.startsWith(prefix));
    return { prefix, values: new Map(named.map(([name, entry]) => [name.slice(prefix.length), entry])), into };
  });
  for (const { prefix, values, into: { network } } of groups) checkTensors(`${path}, ${prefix}*`, values, network);
  for (const { values, into: { network, tensors: others } } of groups) loadStateDict(network, values, others);
  trainer.seek(position);
  trainer.restoredFrom(path);
}
