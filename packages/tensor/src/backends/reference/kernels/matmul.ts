/** Batched matrix product. */
import type { NumberArray } from "../../../core/backend.js";
import type { KernelTable } from "../../../kernels/contract.js";

export const products = {
  /** Row i of y is the sum over l of A[i, l] times row l of B; a transposed matrix has its two strides exchanged. */
  matmul({ y }, { a, b }, { batch, m, k, n, transposeA, transposeB }) {
    const [strideAi, strideAl] = transposeA ? [1, m] : [k, 1];
    const [strideBl, strideBj] = transposeB ? [1, k] : [n, 1];
    const row = new Float64Array(n);
    for (let s = 0; s < batch; s++) {
      for (let i = 0; i < m; i++) {
        row.fill(0);
        for (let l = 0; l < k; l++) {
          const ail = a[s * m * k + i * strideAi + l * strideAl];
          let at = s * k * n + l * strideBl;
          for (let j = 0; j < n; j++, at += strideBj) row[j] += ail * b[at];
        }
        y.set(row, (s * m + i) * n);
      }
    }
  },
} satisfies Pick<KernelTable<NumberArray>, "matmul">;
