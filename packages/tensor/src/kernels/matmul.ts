/** Matrix products. */
import { define } from "./definition.js";
import type { Shape } from "../core/shape.js";

export interface MatmulAttrs {
  readonly batch: number; readonly m: number; readonly k: number; readonly n: number;
  readonly transposeA: boolean; readonly transposeB: boolean;
}

export const products = {
  matmul: define<MatmulAttrs>()({
    equation: "y[b] = A[b] B[b], A = a[b] or its transpose, B likewise",
    inputs: {
      a: ({ batch, m, k, transposeA }): Shape => (transposeA ? [batch, k, m] : [batch, m, k]),
      b: ({ batch, k, n, transposeB }): Shape => (transposeB ? [batch, n, k] : [batch, k, n]),
    },
    scalars: [], outputs: { y: ({ batch, m, n }): Shape => [batch, m, n] }, flops: ({ batch, m, k, n }) => 2 * batch * m * k * n,
  }),
} as const;

/** Sizes of y [m, n] = x [m, k] w [k, n]. */
export interface LinearAttrs { readonly m: number; readonly k: number; readonly n: number }

/** The same sizes as those of a matrix product. */
export const asMatmul = ({ m, k, n }: LinearAttrs): MatmulAttrs => ({ batch: 1, m, k, n, transposeA: false, transposeB: false });
