/** What samplers, trainers, averages and files ask of a network: whoever's class has this form is welcome there. */
import type { Random, Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import type { Module } from "../parameters/module.js";

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** An object of JSON. */
export interface JsonObject { readonly [key: string]: Json }

/** What the outside has to know of a network. With `kind` and `config` it is built again, by `networkOf`. */
export interface NetworkSpec {
  /** Name of the class in files: "unet", "dit", "lucidrains", "mlp", or one's own. */
  readonly kind: string;
  /** What its constructor needs, as JSON. */
  readonly config: JsonObject;
  /** Shape of one sample, null where any size fits: [28, 28, 1], [null, null, 3], [2]. */
  readonly sample: readonly (number | null)[];
  /** Size of the last axis of y. */
  readonly outputs: number;
  /** Number of classes, where the network needs labels; Infinity where any number is one. */
  readonly classes?: number;
  /** The label that stands for "no class", where the network knows one. */
  readonly nullClass?: number;
  /** Width of the vector that it needs as a condition, `Given.embedding`. */
  readonly embedding?: number;
  /** Whether it reads the guess of x0 of the step before (Chen et al. 2022). */
  readonly selfCondition?: boolean;
}

/** What a network may be given beside x and t. */
export interface Given {
  /** N classes. */
  readonly labels?: ArrayLike<number> | undefined;
  /** A condition as a vector, [N, D]. */
  readonly embedding?: Tensor | undefined;
  /** The guess of x0 of the step before, in the shape of x. */
  readonly x0?: Tensor | undefined;
}

/**
 * y = f(x, t): x [N, ...sample], t N times on the host, y as x but for the last axis, which has `spec.outputs`. `C` is the cache,
 * which only the network itself looks into.
 */
export interface Network<C = unknown> extends Module {
  readonly spec: NetworkSpec;
  /** The same network without values: for averages and for loading. */
  create(): Network<C>;
  /** y and what backward needs. `dropout` draws the dropout masks: give it in training, leave it out otherwise. */
  forward(x: Tensor, t: ArrayLike<number>, given?: Given, dropout?: Random): [y: Tensor, cache: C];
  /** dx; the gradients of the parameters go into grads. */
  backward(dy: Tensor, cache: C, grads: Grads): Tensor;
  /** y alone, with as little alive at once as the network can do with. */
  apply(x: Tensor, t: ArrayLike<number>, given?: Given): Tensor;
}
