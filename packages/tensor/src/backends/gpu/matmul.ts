/** Batched matrix product. With few results and a long inner sum, the sum is cut into chunks that are added afterwards. */
import type { Kernel, MatmulAttrs } from "../../kernels.js";
import { launch, withScratch, type GpuArray } from "./engine.js";
import { chunkLength, reduce } from "./reduce.js";
import { line, matrix } from "./space.js";

/** y[b] = A[b] B[b] */
export const matmul: Kernel<"matmul", GpuArray> = (y, { a, b }, attrs) => multiply(y, { a, b }, attrs);

/** y = a B + bias, in one kernel. */
export const linear: Kernel<"linear", GpuArray> = (y, { a, b, bias }, attrs) => multiply(y, { a, b, bias }, attrs);

type Operands = Record<"a" | "b", GpuArray> & { bias?: GpuArray };

function multiply(y: GpuArray, { a, b, bias }: Operands, attrs: MatmulAttrs): void {
  const { batch, m, k, n } = attrs;
  const length = bias === undefined ? chunkLength(k, batch * m * n) : k;
  if (length === k) {
    chunkProducts(y, { a, b, bias }, attrs, k);
    return;
  }
  const chunks = Math.ceil(k / length);
  withScratch(y, [chunks * batch * m * n], (partial) => {
    chunkProducts(partial, { a, b }, attrs, length);
    reduce(y, { x: partial }, { outer: 1, axis: chunks, inner: batch * m * n, op: "sum" }, {});
  });
}

/** y[chunk, s, r, col] = sum over the l of a chunk of A[s, r, l] B[s, l, col] */
function chunkProducts(
  y: GpuArray, { a, b, bias }: { a: GpuArray; b: GpuArray; bias?: GpuArray | undefined },
  { batch, m, k, n, transposeA, transposeB }: MatmulAttrs, length: number,
): void {
  const chunks = Math.ceil(k / length);
  const lastIsFull = chunks * length === k;
  const product = `
      const v = a[${transposeA ? "s * k + l, r" : "s * m + r, l"}];
      sum$ += v * b[${transposeB ? "s * n + col$, l" : "s * k + l, col$"}];`;
  launch(y, {
    kernel: bias === undefined ? "matmul" : "linear",
    output: matrix(chunks * batch * m, n),
    inputs: {
      a: [a, transposeA ? matrix(batch * k, m) : matrix(batch * m, k)],
      b: [b, transposeB ? matrix(batch * n, k) : matrix(batch * k, n)],
      ...(bias === undefined ? {} : { bias: [bias, line(n)] as const }),
    },
    sizes: { batch, m, k, n, length },
    body: `
  const chunk = ${chunks === 1 ? "0" : "div(row, batch * m)"};
  const s = ${batch === 1 ? "0" : "div(row - chunk * batch * m, m)"};
  const r = row - (chunk * batch + s) * m;
  let sum$ = ${bias === undefined ? "0" : "bias[col$]"};
  for (let j = 0; j < length; j++) {
    const l = chunk * length + j;
    ${lastIsFull ? product : `if (l < k) {${product}
    }`}
  }
  return [sum$];`,
  });
}
