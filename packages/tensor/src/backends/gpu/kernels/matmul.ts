/** Batched matrix product. With few results and a long inner sum, the sum is cut into chunks that are added afterwards. */
import { asMatmul, type KernelTable, type MatmulAttrs } from "../../../kernels/contract.js";
import { launch, withScratch, type GpuArray } from "../engine/engine.js";
import { chunkLength, reductions } from "./reduce.js";
import { line, matrix } from "../engine/space.js";

export const products = {
  /** y[b] = A[b] B[b] */
  matmul({ y }, { a, b }, attrs) {
    const { batch, m, k, n } = attrs;
    const length = chunkLength(k, batch * m * n);
    if (length === k) {
      chunkProducts(y, { a, b }, attrs, k);
      return;
    }
    const chunks = Math.ceil(k / length);
    withScratch(y, [chunks * batch * m * n], (partial) => {
      chunkProducts(partial, { a, b }, attrs, length);
      reductions.reduce({ y }, { x: partial }, { outer: 1, axis: chunks, inner: batch * m * n, op: "sum" });
    });
  },

  /** y = x w + bias, in one launch. */
  linear({ y }, { x, w, bias }, attrs) {
    chunkProducts(y, { a: x, b: w, bias }, asMatmul(attrs), attrs.k);
  },
} satisfies Pick<KernelTable<GpuArray>, "matmul" | "linear">;

/** y[chunk, s, r, col] = sum over the l of a chunk of A[s, r, l] B[s, l, col] */
function chunkProducts(
  y: GpuArray, { a, b, bias }: { a: GpuArray; b: GpuArray; bias?: GpuArray },
  { batch, m, k, n, transposeA, transposeB }: MatmulAttrs, length: number,
): void {
  const chunks = Math.ceil(k / length);
  const lastIsFull = chunks * length === k;
  const product = `
      const v = a[atA];
      sum$ += v * b[${transposeB ? "atB$" : "atB + col$"}];`;
  launch(y, {
    kernel: bias === undefined ? "matmul" : "linear", specialised: true,
    output: matrix(chunks * batch * m, n),
    inputs: { a: [a, line(a.size)], b: [b, line(b.size)], ...(bias === undefined ? {} : { bias: [bias, line(n)] as const }) },
    sizes: { batch, m, k, n, length, rows: batch * m },
    body: `
  int chunk = ${chunks === 1 ? "0" : "div(row, rows)"};
  int s = ${batch === 1 ? "0" : "div(row - chunk * rows, m)"};
  int r = row - (chunk * batch + s) * m;
  int l = chunk * length;
  int atA = ${transposeA ? "(s * k + l) * m + r" : "(s * m + r) * k + l"};
  int ${transposeB ? "atB$ = (s * n + col$) * k + l" : "atB = (s * k + l) * n"};
  let sum$ = ${bias === undefined ? "0" : "bias[col$]"};
  for (let j = 0; j < length; j++) {
    ${lastIsFull ? product : `if (l + j < k) {${product}
    }`}
    atA += ${transposeA ? "m" : "1"};
    ${transposeB ? "atB$ += 1" : "atB += n"};
  }
  return [sum$];`,
  });
}
