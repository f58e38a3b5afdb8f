import { run } from "../../core/device.js";
import { asMatmul } from "../../kernels/contract.js";
import type { Tensor } from "../../core/tensor.js";
import { matchShapes } from "../shared/match-shapes.js";

/**
 * Linear: y = x w + b for each row of x.
 * Backward: dx = dy w^T, dw = x^T dy, db = sum of dy over the rows.
 * Shapes: x [..., in], w [in, out], b [out], y [..., out].
 * Source: Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.
 */
export const linear = {
  /** y = x w + b, without b when it is undefined. x [..., in], w [in, out], b [out] -> [..., out]. Throws ShapeError. */
  forward(x: Tensor, w: Tensor, b?: Tensor): Tensor {
    const { in: k, out: n, "...": m } = matchShapes("linear", { w: [w, "in out"], x: [x, "... in"], b: [b, "out", "optional"] });
    const yShape = [...x.shape.slice(0, -1), n];
    if (b === undefined) return run("matmul", { a: x, b: w }, asMatmul({ m, k, n }), {}, { y: yShape }).y;
    return run("linear", { x, w, bias: b }, { m, k, n }, {}, { y: yShape }).y;
  },

  /** All three gradients; use the parts where some are not needed. Throws ShapeError. */
  backward(dy: Tensor, x: Tensor, w: Tensor): { dx: Tensor; dw: Tensor; db: Tensor } {
    const { in: k, out: n, "...": m } = matchShapes("linear.backward", { w: [w, "in out"], x: [x, "... in"], dy: [dy, "... out"] });
    return run("linearGrad", { dy, x, w }, { m, k, n }, {}, { dx: x.shape, dw: w.shape, db: [n] });
  },

  /** dx = dy w^T. dy [..., out], w [in, out] -> [..., in]. Throws ShapeError. */
  gradInput(dy: Tensor, w: Tensor): Tensor {
    const { in: k, out: n, "...": m } = matchShapes("linear.gradInput", { w: [w, "in out"], dy: [dy, "... out"] });
    return run("matmul", { a: dy, b: w }, { ...asMatmul({ m, k: n, n: k }), transposeB: true }, {}, { y: [...dy.shape.slice(0, -1), k] }).y;
  },

  /** dw = x^T dy. dy [..., out], x [..., in] -> [in, out]. Throws ShapeError. */
  gradWeight(dy: Tensor, x: Tensor): Tensor {
    const { in: k, out: n, "...": m } = matchShapes("linear.gradWeight", { x: [x, "... in"], dy: [dy, "... out"] });
    return run("matmul", { a: x, b: dy }, { ...asMatmul({ m: k, k: m, n }), transposeA: true }, {}, { y: [k, n] }).y;
  },

  /** db = sum of dy over the rows. dy [..., out] -> [out]. Throws ShapeError. */
  gradBias(dy: Tensor): Tensor {
    const { out: n, "...": m } = matchShapes("linear.gradBias", { dy: [dy, "... out"] });
    return run("reduce", { x: dy }, { op: "sum", outer: 1, axis: m, inner: n }, {}, { y: [n] }).y;
  },
};
