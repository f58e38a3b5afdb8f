/** What a layout of weights is: the names that a program gives its tensors, and the network and process that they stand for. */
import { CheckpointError, ConfigError } from "@fromnoise/tensor";
import type { StateDict, StateEntry, TorchStateDict } from "@fromnoise/nn";
import type { TrainConfigInput } from "../../train/config.js";
import type { ModelInfo } from "../model-format.js";

/** What names and shapes cannot tell, as the user says it: the fields of a JSON file, under the names that the program has for them. */
export type Said = Readonly<Record<string, unknown>>;

/** A set of weights before its numbers are read. */
export interface TorchWeights {
  /** What messages call the file. */
  readonly source: string;
  readonly dict: TorchStateDict;
  /** Numbers and texts beside it: step, version. */
  readonly facts: ReadonlyMap<string, number | string>;
  /** The numbers of a small tensor of it. */
  numbers(name: string): Promise<ArrayLike<number>>;
}

/** A model but for its numbers. */
export interface TorchModel extends ModelInfo {
  /** What the file does not say and nobody said, for people: "4 heads"; "" where it says all. */
  readonly assumed: string;
  /** Whether a tensor is a weight of the network. */
  wanted(name: string): boolean;
  /** The network's state dict from the tensors that are wanted. */
  convert(tensors: ReadonlyMap<string, StateEntry>): StateDict;
  /** How it was trained, as far as the file says: for training it on. */
  readonly trained?: TrainConfigInput;
}

export interface TorchLayout {
  /** For people: "improved-diffusion". */
  readonly name: string;
  /** The fields of `Said` that change what is read, with their defaults; docs/pytorch-files.md has them all. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Whether a state dict has its names. */
  knows(dict: TorchStateDict): boolean;
  /** Throws CheckpointError for shapes that make no network of it, ConfigError for what is not implemented and for fields that are none. */
  model(weights: TorchWeights, said: Said): Promise<TorchModel>;
}

/** The shape of a tensor that there must be. */
export function shapeIn({ dict, source }: TorchWeights, name: string): readonly number[] {
  const tensor = dict.get(name);
  if (tensor !== undefined) return tensor.shape;
  throw new CheckpointError(`${source} has no tensor ${name}`, [`found    ${dict.size} tensors, the first ${[...dict.keys()][0] ?? "none"}`]);
}

/** How many numbers there are from 0 with a tensor of this name each. */
export function countIn(dict: TorchStateDict, name: (i: number) => string): number {
  let i = 0;
  while (dict.has(name(i))) i++;
  return i;
}

/** The fields with their defaults. Throws ConfigError for a field that is none, or of another type than its default. */
export function saidFields<F extends Readonly<Record<string, string | number | boolean | readonly number[]>>>(layout: string, said: Said, defaults: F, ignored: readonly string[] = []): F {
  for (const [name, value] of Object.entries(said)) {
    if (ignored.includes(name)) continue;
    const allowed = Object.hasOwn(defaults, name) ? defaults[name] : undefined;
    if (allowed === undefined) throw new ConfigError(`--network: ${name} is no field of ${layout}`, [`allowed  ${[...Object.keys(defaults), ...ignored].join(", ")}`]);
    const fits = typeof value === typeof allowed && (typeof value !== "number" || Number.isFinite(value));
    if (!fits) throw new ConfigError(`--network: ${name}: ${JSON.stringify(value)} is not allowed`, [`allowed  a ${typeof allowed}, such as ${JSON.stringify(allowed)}`]);
  }
  return { ...defaults, ...Object.fromEntries(Object.entries(said).filter(([name]) => Object.hasOwn(defaults, name))) };
}

/** The fields, but for undefined ones, that stand at their defaults because nobody said them: "num_heads 4, noise_schedule linear". */
export function assumedOf(defaults: Readonly<Record<string, unknown>>, said: Said): string {
  return Object.entries(defaults).filter(([name, value]) => value !== undefined && !Object.hasOwn(said, name)).map(([name, value]) => `${name} ${String(value)}`).join(", ");
}

/** [C, C, 1, 1] or [C, C, 1] -> [C, C]: a convolution of one pixel as a linear layer. */
export function asLinear({ shape, data }: StateEntry): StateEntry {
  return { shape: shape.slice(0, 2), data };
}

/** Moves tensors to other names; `rules` are tried in order, and a tensor that none knows keeps its name, so that it is reported as extra. */
export function renamed(
  tensors: ReadonlyMap<string, StateEntry>, rename: (name: string, entry: StateEntry) => readonly (readonly [string, StateEntry])[],
): StateDict {
  return new Map([...tensors].flatMap(([name, entry]) => rename(name, entry)));
}
