/** Gradient checks of both attentions. */
import { attention, type AttentionOptions } from "../../ops/neural/attention.js";
import { linearAttention } from "../../ops/neural/linear-attention.js";
import { gradcheckCase, type GradcheckCase } from "./case.js";

type Sizes = readonly [n: number, queries: number, keys: number, channels: number];

const attentionCase = (name: string, [n, l, s, c]: Sizes, options: AttentionOptions): GradcheckCase =>
  gradcheckCase("attention", name, ({ normal }) => ({
    inputs: { q: normal(n, l, c), k: normal(n, s, c), v: normal(n, s, c) },
    forward: ({ q, k, v }) => attention.forward(q, k, v, options),
    backward: (dy, { q, k, v }) => attention.backward(dy, q, k, v, options),
  }));

const linearAttentionCase = (name: string, [n, l, s, c]: Sizes, heads: number): GradcheckCase =>
  gradcheckCase("linearAttention", name, ({ normal }) => ({
    inputs: { q: normal(n, l, c), k: normal(n, s, c), v: normal(n, s, c) },
    forward: ({ q, k, v }) => linearAttention.forward(q, k, v, { heads }),
    backward: (dy, { q, k, v }) => linearAttention.backward(dy, q, k, v, { heads }),
  }));

export const attentionCases: readonly GradcheckCase[] = [
  attentionCase("one head", [2, 5, 5, 3], { heads: 1 }),
  attentionCase("2 heads of 3 channels", [1, 4, 4, 6], { heads: 2 }),
  attentionCase("4 queries, 3 keys, scale 0.7", [2, 4, 3, 4], { heads: 2, scale: 0.7 }),
  attentionCase("heads of one channel", [1, 3, 3, 2], { heads: 2 }),
  linearAttentionCase("one head", [2, 5, 5, 3], 1),
  linearAttentionCase("2 heads of 3 channels", [1, 4, 4, 6], 2),
  linearAttentionCase("4 queries, 3 keys", [2, 4, 3, 4], 2),
];
