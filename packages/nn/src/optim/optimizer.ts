import type { Grads } from "../parameters/grads.js";
import type { TensorsByParameter } from "../parameters/state-dict.js";

/** What a step may be told: another learning rate, a factor of the gradients. */
export interface OptimizerStep {
  /** Learning rate of this step, from a schedule; default that of the optimiser. */
  readonly lr?: number;
  /** Factor of all gradients: the clip coefficient; default 1. */
  readonly gradScale?: number;
}

/** What moves the parameters: it holds them, and tensors of its own beside them. */
export interface Optimizer {
  /** Its name in checkpoints: with the names of `state` and of the parameters, "adam.m.conv_in.weight". */
  readonly name: string;
  /** Number of steps done. Set it when a checkpoint is loaded. */
  steps: number;
  /** What a checkpoint keeps beside `steps`: a tensor for each parameter, by name. */
  readonly state: Readonly<Record<string, TensorsByParameter>>;
  /** Updates every parameter that has a gradient; the others stay as they are. */
  step(grads: Grads, options?: OptimizerStep): void;
  /** Frees the state. */
  dispose(): void;
}
