import { Random, assertDeviceIn, sizeOf, tensor, type DType, type Device } from "@fromnoise/tensor";
import type { Module } from "./module.js";
import type { Parameter } from "./parameter.js";
import { checkRoom } from "./room.js";

/**
 * `pytorch`: what diffusers starts from, PyTorch's defaults: weights and biases U(-1, 1) / sqrt(fan_in) (He et al. 2015 with
 * a = sqrt 5).
 * `paper`: Ho et al. 2020: weights U(-1, 1) sqrt(3 s / fan_avg), fan_avg = (fan_in + fan_out) / 2, with s = 1, and 1e-10 for the
 * last projection of every residual branch and of the network, so that blocks at first pass their input on; biases 0.
 * In both, normalisation starts as gamma 1, beta 0, embeddings as N(0, 1) times their spread, scales as 1, and whatever has a `start` as that.
 */
export type InitScheme = "pytorch" | "paper";

/** Device, dtype, seed, and by whose rule weights start. */
export interface InitOptions {
  readonly device: Device;
  /** Default "f32". */
  readonly dtype?: DType;
  /** The values of a parameter depend on the seed and on its name alone, not on the order of creation. */
  readonly seed: number;
  /** Default "pytorch". */
  readonly scheme?: InitScheme;
}

/** Gives every parameter of the module its first values, in place of those it has. Returns the module. Throws as `checkRoom`. */
export function initialize<M extends Module>(module: M, options: InitOptions): M {
  assertDeviceIn("initialize", options);
  const { device, dtype = "f32", seed, scheme = "pytorch" } = options;
  checkRoom(module, { device, dtype });
  for (const p of module.parameters) {
    const values = initialValues(p, new Random(seed, streamOf(p.name)), scheme);
    p.dispose();
    p.tensor = device.keep(tensor(values, { device, dtype, shape: p.shape }));
  }
  return module;
}

/** The first values of one parameter, in f64. */
function initialValues(p: Parameter, random: Random, scheme: InitScheme): Float64Array {
  const n = sizeOf(p.shape);
  if (p.start !== undefined) return new Float64Array(n).fill(p.start);
  switch (p.role) {
    case "norm-scale": case "scale": return new Float64Array(n).fill(1);
    case "norm-shift": return new Float64Array(n);
    case "embedding": return random.normal(n).map((z) => z * p.spread);
    case "bias": return scheme === "paper" ? new Float64Array(n) : uniform(n, 1 / Math.sqrt(p.fanIn), random);
    case "weight": return uniform(n, scheme === "paper" ? paperLimit(p) : 1 / Math.sqrt(p.fanIn), random);
  }
}

/** The limit of a uniform distribution of variance s / fan_avg. */
function paperLimit({ fanIn, fanOut, closesBranch }: Parameter): number {
  return Math.sqrt((3 * (closesBranch ? 1e-10 : 1)) / ((fanIn + fanOut) / 2));
}

/** U(-limit, limit). */
function uniform(n: number, limit: number, random: Random): Float64Array {
  return random.uniform(n).map((u) => limit * (2 * u - 1));
}

/** A stream for a name: 53 bits of two FNV-1a hashes, 32 of the name and 21 of the name with a prefix. */
function streamOf(name: string): number {
  return fnv1a(name) * 2 ** 21 + (fnv1a(`stream of ${name}`) >>> 11);
}

/** The 32-bit hash of Fowler, Noll and Vo (FNV-1a) over UTF-16 code units. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
