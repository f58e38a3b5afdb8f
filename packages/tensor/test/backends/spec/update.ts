import { lengths, uniform, type Draw, type Specs } from "./spec.js";

/** Lists of one tensor, and lists of many. */
const lists = [...lengths.slice(3).map((n) => ({ sizes: [n] })), { sizes: [...lengths] }, { sizes: [40000, 1, 3, 17000, 8] }];

/** A third step with large, distinct settings, so that each of them shows in the result. */
const third = {
  lr: 0.5, beta1: 0.9, beta2: 0.99, eps: 1e-5, correction1: 1 - 0.9 ** 3, correction2: 1 - 0.99 ** 3, weightDecay: 0.1, gradScale: 0.7,
};
const draws = (): { v: Draw } => ({ v: uniform(0, 1) });

export const updates: Specs<"adam" | "adamEma" | "ema" | "assign"> = {
  adam: { cases: lists, draws, scalars: () => third },
  adamEma: { cases: lists, draws, scalars: () => ({ ...third, decay: 0.8 }) },
  ema: { cases: lists, scalars: () => ({ decay: 0.8 }) },
  assign: { cases: lengths.slice(3).map((n) => ({ n })) },
};
