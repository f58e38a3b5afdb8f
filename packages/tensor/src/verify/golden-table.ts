/** The ops that golden files can hold: the layout of each tensor in the file, and how this library computes it. */
import { ConfigError } from "../core/errors.js";
import { conv2d, type Conv2dOptions } from "../ops/neural/conv2d.js";
import { crossEntropy } from "../ops/neural/cross-entropy.js";
import { groupNorm } from "../ops/neural/group-norm.js";
import { l1 } from "../ops/neural/l1.js";
import { linearAttention } from "../ops/neural/linear-attention.js";
import { linear } from "../ops/neural/linear.js";
import { logSoftmax } from "../ops/neural/log-softmax.js";
import { maxPool } from "../ops/neural/max-pool.js";
import { mse } from "../ops/neural/mse.js";
import { pixelUnshuffle } from "../ops/neural/pixel-shuffle.js";
import { rmsNorm } from "../ops/neural/rms-norm.js";
import { softmax } from "../ops/neural/softmax.js";
import { upsampleNearest } from "../ops/neural/upsample-nearest.js";
import { weightStandardize } from "../ops/neural/weight-standardize.js";
import type { Shape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { ownField } from "./golden-fields.js";
import { activations } from "./activations.js";
import { attentionBlock } from "./attention-block.js";

/** How a tensor lies in the file; see fromTorch in golden-ops.ts. */
export type Layout = "image" | "kernel" | "matrix" | "channels" | "heads" | "same";

/** Attributes as they stand in a file, remarks of its author among them. */
export type GoldenAttrs = Readonly<Record<string, unknown>>;

/** An op with its attributes filled in; backward gives d + name for each input. */
export interface GoldenFunction<K extends string = string> {
  inputs: Readonly<Record<K, Layout>>;
  output: Layout;
  forward: (inputs: Readonly<Record<K, Tensor>>) => Tensor;
  backward: (dy: Tensor, inputs: Readonly<Record<K, Tensor>>) => Readonly<Record<`d${K}`, Tensor>>;
}

type Shapes = Readonly<Record<string, Shape | undefined>>;

/** By the op's name in the file: the op for these attributes and shapes (as they are in the file). */
export const goldenOps: Readonly<Record<string, (attrs: GoldenAttrs, shapes: Shapes) => GoldenFunction>> = {
  conv2d: (attrs) => entry({
    inputs: { x: "image", w: "kernel", b: "same" }, output: "image",
    forward: ({ x, w, b }) => conv2d.forward(x, w, b, convOptions(attrs)),
    backward: (dy, { x, w }) => conv2d.backward(dy, x, w, convOptions(attrs)),
  }),

  weightStandardizedConv2d: (attrs) => entry({
    inputs: { x: "image", w: "kernel", b: "same" }, output: "image",
    forward: ({ x, w, b }) => conv2d.forward(x, weightStandardize.forward(w, epsOf(attrs)), b, convOptions(attrs)),
    backward: (dy, { x, w }) => {
      const { dx, dw, db } = conv2d.backward(dy, x, weightStandardize.forward(w, epsOf(attrs)), convOptions(attrs));
      return { dx, dw: weightStandardize.backward(dw, w, epsOf(attrs)), db };
    },
  }),

  linear: () => entry({
    inputs: { x: "same", w: "matrix", b: "same" }, output: "same",
    forward: ({ x, w, b }) => linear.forward(x, w, b),
    backward: (dy, { x, w }) => linear.backward(dy, x, w),
  }),

  groupNorm: (attrs) => {
    const options = { groups: number(attrs, "groups"), ...epsOf(attrs) };
    return entry({
      inputs: { x: "image", w: "same", b: "same" }, output: "image",
      forward: ({ x, w, b }) => groupNorm.forward(x, groupNorm.stats(x, options), w, b, options),
      backward: (dy, { x, w }) => {
        const { dx, dgamma, dbeta } = groupNorm.backward(dy, x, groupNorm.stats(x, options), w, options);
        return { dx, dw: dgamma, db: dbeta };
      },
    });
  },

  rmsNorm: () => entry({
    inputs: { x: "image", g: "channels" }, output: "image",
    forward: ({ x, g }) => rmsNorm.forward(x, g),
    backward: (dy, { x, g }) => rmsNorm.backward(dy, x, g),
  }),

  ...Object.fromEntries(Object.entries(activations).map(([name, { forward, backward }]) => [name, (attrs: GoldenAttrs) => {
    const slope = number(attrs, "slope", 0.01);
    return entry({
      inputs: { x: "same" }, output: "same",
      forward: ({ x }) => forward(x, slope), backward: (dy, { x }) => ({ dx: backward(dy, x, slope) }),
    });
  }])),

  softmax: (attrs) => {
    const axis = number(attrs, "axis", -1);
    return entry({
      inputs: { x: "same" }, output: "same",
      forward: ({ x }) => softmax.forward(x, { axis }),
      backward: (dy, { x }) => ({ dx: softmax.backward(dy, softmax.forward(x, { axis }), { axis }) }),
    });
  },

  logSoftmax: (attrs) => {
    const axis = number(attrs, "axis", -1);
    return entry({
      inputs: { x: "same" }, output: "same",
      forward: ({ x }) => logSoftmax.forward(x, { axis }),
      backward: (dy, { x }) => ({ dx: logSoftmax.backward(dy, logSoftmax.forward(x, { axis }), { axis }) }),
    });
  },

  crossEntropy: (attrs) => {
    const labels = integers(attrs, "labels");
    return entry({
      inputs: { x: "same" }, output: "same",
      forward: ({ x }) => crossEntropy.forward(x, labels),
      backward: (dy, { x }) => ({ dx: crossEntropy.backward(dy, x, labels) }),
    });
  },

  maxPool: (attrs) => {
    const scale = number(attrs, "scale");
    return entry({
      inputs: { x: "image" }, output: "image",
      forward: ({ x }) => maxPool.forward(x, { scale }),
      backward: (dy, { x }) => ({ dx: maxPool.backward(dy, x, { scale }) }),
    });
  },

  upsampleNearest: (attrs) => {
    const scale = number(attrs, "scale", 2);
    return entry({
      inputs: { x: "image" }, output: "image",
      forward: ({ x }) => upsampleNearest.forward(x, { scale }),
      backward: (dy) => ({ dx: upsampleNearest.backward(dy, { scale }) }),
    });
  },

  pixelUnshuffle: (attrs) => {
    const scale = number(attrs, "scale", 2);
    return entry({
      inputs: { x: "image" }, output: "image",
      forward: ({ x }) => pixelUnshuffle.forward(x, { scale }),
      backward: (dy) => ({ dx: pixelUnshuffle.backward(dy, { scale }) }),
    });
  },

  attentionBlock: (attrs, shapes) => {
    const heads = number(attrs, "heads", 1);
    const channels = shapes["x"]?.[1] ?? 1;                                                         // [N, C, H, W]
    const scale = ownField(attrs, "scale") === "C**-0.5" ? channels ** -0.5 : number(attrs, "scale", (channels / heads) ** -0.5);
    const options = { groups: number(attrs, "groups"), heads, scale, ...epsOf(attrs) };
    const w = "matrix", b = "same";
    return entry({
      inputs: { x: "image", gw: "same", gb: "same", wq: w, bq: b, wk: w, bk: b, wv: w, bv: b, wo: w, bo: b }, output: "image",
      forward: (inputs) => attentionBlock.forward(inputs, options),
      backward: (dy, inputs) => attentionBlock.backward(dy, inputs, options),
    });
  },

  linearAttention: (_, shapes) => {
    const heads = shapes["q"]?.[1] ?? 1;                                                            // [N, heads, d, L]
    return entry({
      inputs: { q: "heads", k: "heads", v: "heads" }, output: "heads",
      forward: ({ q, k, v }) => linearAttention.forward(q, k, v, { heads }),
      backward: (dy, { q, k, v }) => linearAttention.backward(dy, q, k, v, { heads }),
    });
  },

  mse: () => entry({
    inputs: { a: "same", b: "same" }, output: "same",
    forward: ({ a, b }) => mse.forward(a, b),
    backward: (dy, { a, b }) => mse.backward(dy, a, b),
  }),

  l1: () => entry({
    inputs: { a: "same", b: "same" }, output: "same",
    forward: ({ a, b }) => l1.forward(a, b),
    backward: (dy, { a, b }) => l1.backward(dy, a, b),
  }),
};

/** Forgets the names of the inputs, which the runner checks. */
function entry<K extends string>(fn: GoldenFunction<K>): GoldenFunction {
  return fn as unknown as GoldenFunction;
}

/** A number among the attributes. Throws ConfigError when it is missing or no number. */
function number(attrs: GoldenAttrs, name: string, absent?: number): number {
  const value = ownField(attrs, name) ?? absent;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw wrongAttribute(name, value, "a number");
}

/** Whole numbers among the attributes. Throws ConfigError when they are missing or something else. */
function integers(attrs: GoldenAttrs, name: string): number[] {
  const value = ownField(attrs, name);
  if (Array.isArray(value) && value.every((item) => Number.isInteger(item))) return value as number[];
  throw wrongAttribute(name, value, "a list of whole numbers");
}

function wrongAttribute(name: string, value: unknown, allowed: string): ConfigError {
  const text = JSON.stringify(value) ?? "undefined";
  return new ConfigError(`golden file: attribute ${name} is ${text.slice(0, 60)}`, [`allowed  ${allowed}`]);
}

function epsOf(attrs: GoldenAttrs): { eps: number } {
  return { eps: number(attrs, "eps") };
}

function convOptions(attrs: GoldenAttrs): Conv2dOptions {
  const padding = ownField(attrs, "padding") ?? 0;
  const whole = (v: unknown): boolean => Number.isSafeInteger(v) && v as number >= 0;
  if (!whole(padding) && !(Array.isArray(padding) && padding.length === 4 && padding.every(whole))) {
    throw wrongAttribute("padding", padding, "a number, [top, bottom, left, right]");
  }
  return { stride: number(attrs, "stride", 1), padding: padding as number | [number, number, number, number] };
}
