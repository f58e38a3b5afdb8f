import type { NumberArray } from "../../../src/core/backend.js";
import type { AttentionAttrs } from "../../../src/kernels/contract.js";
import { runReference } from "../../../src/verify/run-reference.js";
import { absolute, largest, type Specs } from "./spec.js";

/** One query, one key, one channel; sizes on both sides of a vector, a tile, a block of 32 and a round of queries. */
const cases: readonly AttentionAttrs[] = ([
  [1, 1, 1, 1, 1], [2, 3, 1, 7, 3], [1, 2, 5, 1, 4], [2, 1, 17, 19, 8], [1, 3, 20, 77, 5], [1, 4, 33, 31, 20], [1, 2, 64, 64, 8],
  [1, 2, 65, 130, 32], [1, 1, 70, 9, 64], [1, 1, 6, 13, 129], [1, 5, 8, 8, 1],
] as const).map(([n, heads, l, s, d]) => ({ n, heads, l, s, d }));

interface Operands { q: NumberArray; k: NumberArray; v: NumberArray }

const scalars = ({ d }: AttentionAttrs): { scale: number } => ({ scale: 1 / Math.sqrt(d) });

/** The largest sum of |dy v| over the channels of a head. */
function largestProduct(dy: NumberArray, v: NumberArray, { n, heads, l, s, d }: AttentionAttrs): number {
  let most = 0;
  for (let i = 0; i < n * l * s * heads; i++) {
    const head = i % heads, query = Math.floor(i / heads) % (n * l), key = Math.floor(query / l) * s + Math.floor(i / (heads * n * l));
    let sum = 0;
    for (let c = 0; c < d; c++) sum += Math.abs(dy[(query * heads + head) * d + c] * v[(key * heads + head) * d + c]);
    most = Math.max(most, sum);
  }
  return most;
}

export const attentions: Specs<"attention" | "attentionGrad"> = {
  attention: { cases, scalars, terms: ({ v }) => ({ y: largest(v) }) },
  attentionGrad: {
    cases, scalars,
    /** dS = P (dP - sum of dP P): two terms of the size of dP, times scale and a key or a query. */
    terms: ({ dy, q, k, v }: Operands & { dy: NumberArray }, attrs, { scale }) => {
      const ds = 2 * scale * largestProduct(dy, v, attrs);
      const sums = runReference("attentionGrad", { dy: absolute(dy), q, k, v }, attrs, { scale });
      return { dq: ds * largest(k), dk: ds * largest(q), dv: largest(sums.dv as NumberArray) };
    },
  },
};
