/** Matrix products: B is packed into panels, then blocks of the product are computed. */
import type { KernelTable, MatmulAttrs } from "../../../kernels/contract.js";
import { gradWeight } from "./conv2d.js";
import type { Machine, Storage } from "../machine/machine.js";

/** Addresses of the factors, the product and a bias (0: none). */
export interface Product { a: number; b: number; y: number; bias: number }

/** y = op(A) op(B) + bias for each of `batch` matrices. */
export function gemm(machine: Machine, { a, b, y, bias }: Product, attrs: MatmulAttrs): void {
  const { batch, m, k, n, transposeA, transposeB } = attrs;
  const args = (packed: number): void => machine.args([
    a, b, y, bias, packed, m, n, k, transposeA ? m : k, transposeB ? k : n, n, Number(transposeA), Number(transposeB), 0,
    batch, m * k, batch === 1 ? 0 : k * n, m * n,
  ]);
  args(0);
  machine.scratch(machine.ask("gemmPackBytes"), "a packed matrix", (packed) => {
    args(packed);
    machine.launchChunks("gemmPack");
    machine.launchChunks("gemm", true);
  });
}

/** A^T B with many rows: split along them too, as the gradient of a 1x1 convolution's weights is. */
const isTall = ({ batch, m, k, n, transposeA, transposeB }: MatmulAttrs): boolean =>
  batch === 1 && transposeA && !transposeB && k >= 512 && k >= 2 * Math.max(m, n);

export function products(machine: Machine): Required<Pick<KernelTable<Storage>, "matmul" | "linear">> {
  return {
    matmul(y, { a, b }, attrs) {
      if (!isTall(attrs)) return gemm(machine, { a: a.address, b: b.address, y: y.address, bias: 0 }, attrs);
      const { m: cin, k: rows, n: cout } = attrs;
      gradWeight(machine, { x: a.address, dy: b.address, dw: y.address }, {
        n: 1, h: 1, w: rows, cin, cout, kh: 1, kw: 1, stride: 1, pad: [0, 0, 0, 0],
      });
    },
    linear: (y, { a, b, bias }, attrs) =>
      gemm(machine, { a: a.address, b: b.address, y: y.address, bias: bias.address }, attrs),
  };
}
