/** Matrix products: B is packed into panels, then blocks of the product are computed. */
import { asMatmul, type KernelTable, type MatmulAttrs } from "../../../kernels/contract.js";
import { gradWeight } from "./conv2d.js";
import type { Machine, Storage } from "../machine/machine.js";
import { reduceAxis } from "./reduce.js";

/** Addresses of the factors, the product and a bias (0: none). */
interface Product { a: number; b: number; c: number; bias: number }

/** c = op(A) op(B) + bias for each of `batch` matrices. */
function multiply(
  machine: Machine, { a, b, c, bias }: Product, { batch, m, k, n, transposeA: transA, transposeB: transB }: MatmulAttrs,
): void {
  const product = machine.bind.Gemm({ a, b, c, bias, batch, m, n, k, transA, transB });
  machine.scratch(product.packBytes(), "the second matrix of a product in panels", (packed) => {
    product.set({ packed });
    product.run("gemmPack");
    product.run("gemm");
  });
}

/** A^T B with many rows: split along them too, as the gradient of a 1x1 convolution's weights. */
const isTall = ({ batch, m, k, n, transposeA, transposeB }: MatmulAttrs): boolean =>
  batch === 1 && transposeA && !transposeB && k >= 512 && k >= 2 * Math.max(m, n);

export function products(machine: Machine): Required<Pick<KernelTable<Storage>, "matmul" | "linear" | "linearGrad">> {
  const matmul: KernelTable<Storage>["matmul"] = ({ y }, { a, b }, attrs) => {
    if (!isTall(attrs)) return multiply(machine, { a: a.address, b: b.address, c: y.address, bias: 0 }, attrs);
    const { m: cin, k: rows, n: cout } = attrs;
    gradWeight(machine, { x: a.address, dy: b.address, dw: y.address }, {
      n: 1, h: 1, w: rows, cin, cout, kh: 1, kw: 1, stride: 1, pad: [0, 0, 0, 0],
    });
  };
  return {
    matmul,
    linear: ({ y }, { x, w, bias }, attrs) =>
      multiply(machine, { a: x.address, b: w.address, c: y.address, bias: bias.address }, asMatmul(attrs)),
    linearGrad({ dx, dw, db }, { dy, x, w }, { m, k, n }) {
      matmul({ y: dx }, { a: dy, b: w }, { ...asMatmul({ m, k: n, n: k }), transposeB: true }, {});
      matmul({ y: dw }, { a: x, b: dy }, { ...asMatmul({ m: k, k: m, n }), transposeA: true }, {});
      reduceAxis(machine, "sum", db.address, dy.address, 1, m, n);
    },
  };
}
