import { run } from "../../core/device.js";
import { ShapeError } from "../../core/errors.js";
import { assertTensor } from "../../core/expect-tensor.js";
import { asMatmul, convOutput, isProduct, type Conv2dAttrs, type LinearAttrs } from "../../kernels/contract.js";
import { formatShape, sameShape, type Shape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { matchShapes } from "../shared/match-shapes.js";

/** Stride and padding in pixels. */
export interface Conv2dOptions {
  /** Step of the kernel, the same along both axes; 1 unless given. */
  stride?: number;
  /** Rows and columns of zeros: one number for all sides, or [top, bottom, left, right]; 0 unless given. */
  padding?: number | readonly [top: number, bottom: number, left: number, right: number];
}

/**
 * Convolution (cross-correlation, as everywhere in deep learning) with zero padding and one stride s for both axes:
 *   y[n, p, q, o] = b[o] + sum over i, j, c of x[n, s p + i - top, s q + j - left, c] w[i, j, c, o].
 * Backward: dx[n, s p + i - top, s q + j - left, c] += dy[n, p, q, o] w[i, j, c, o] over all of these indices,
 *   dw[i, j, c, o] = sum over n, p, q of x[n, s p + i - top, s q + j - left, c] dy[n, p, q, o], db[o] = sum over n, p, q of dy.
 * Shapes: x [N, H, W, Cin], w [kh, kw, Cin, Cout], b [Cout], y [N, OH, OW, Cout], OH = floor((H + top + bottom - kh) / s) + 1.
 * Source: LeCun et al. (1989), Backpropagation applied to handwritten zip code recognition.
 */
export const conv2d = {
  /** y = conv(x, w) + b, without b when it is undefined. Throws ShapeError. */
  forward(x: Tensor, w: Tensor, b?: Tensor, options: Conv2dOptions = {}): Tensor {
    matchShapes("conv2d", { w: [w, "kh kw Cin Cout"], x: [x, "N H W Cin"], b: [b, "Cout", "optional"] });
    const attrs = geometry("conv2d", x.shape, w.shape, options);
    const shapes = { y: [attrs.n, ...convOutput(attrs), attrs.cout] };
    if (isProduct(attrs)) {
      if (b === undefined) return run("matmul", { a: x, b: w }, asMatmul(overPixels(attrs)), {}, shapes).y;
      return run("linear", { x, w, bias: b }, overPixels(attrs), {}, shapes).y;
    }
    if (b === undefined) return run("conv2d", { x, w }, attrs, {}, shapes).y;
    return run("conv2dBias", { x, w, bias: b }, attrs, {}, shapes).y;
  },

  /** All three gradients; use the parts where some are not needed. Throws ShapeError. */
  backward(dy: Tensor, x: Tensor, w: Tensor, options: Conv2dOptions = {}): { dx: Tensor; dw: Tensor; db: Tensor } {
    matchShapes("conv2d.backward", { w: [w, "kh kw Cin Cout"], x: [x, "N H W Cin"], dy: [dy, "N OH OW Cout"] });
    const attrs = geometry("conv2d.backward", x.shape, w.shape, options, dy);
    const shapes = { dx: x.shape, dw: w.shape, db: [attrs.cout] };
    if (isProduct(attrs)) return run("linearGrad", { dy, x, w }, overPixels(attrs), {}, shapes);
    return run("conv2dGrad", { dy, x, w }, attrs, {}, shapes);
  },

  /** dx: every weight carries dy back to the place it read. dy [N, OH, OW, Cout], w -> [N, H, W, Cin]. Throws ShapeError. */
  gradInput(dy: Tensor, w: Tensor, xShape: Shape, options: Conv2dOptions = {}): Tensor {
    assertTensor("conv2d.gradInput", "dy", dy);
    assertTensor("conv2d.gradInput", "w", w);
    const attrs = geometry("conv2d.gradInput", xShape, w.shape, options, dy);
    if (isProduct(attrs)) {
      const { m, k, n } = overPixels(attrs);
      return run("matmul", { a: dy, b: w }, { ...asMatmul({ m, k: n, n: k }), transposeB: true }, {}, { y: xShape }).y;
    }
    return run("conv2dGradInput", { dy, w }, attrs, {}, { dx: xShape }).dx;
  },

  /** dw: the correlation of x with dy. dy [N, OH, OW, Cout], x [N, H, W, Cin] -> [kh, kw, Cin, Cout]. Throws ShapeError. */
  gradWeight(dy: Tensor, x: Tensor, wShape: Shape, options: Conv2dOptions = {}): Tensor {
    assertTensor("conv2d.gradWeight", "dy", dy);
    assertTensor("conv2d.gradWeight", "x", x);
    const attrs = geometry("conv2d.gradWeight", x.shape, wShape, options, dy);
    if (isProduct(attrs)) {
      const { m, k, n } = overPixels(attrs);
      return run("matmul", { a: x, b: dy }, { ...asMatmul({ m: k, k: m, n }), transposeA: true }, {}, { y: wShape }).y;
    }
    return run("conv2dGradWeight", { x, dy }, attrs, {}, { dw: wShape }).dw;
  },

  /** db = sum of dy over images and positions. dy [N, OH, OW, Cout] -> [Cout]. Throws ShapeError. */
  gradBias(dy: Tensor): Tensor {
    const { N, OH, OW, Cout } = matchShapes("conv2d.gradBias", { dy: [dy, "N OH OW Cout"] });
    return run("reduce", { x: dy }, { op: "sum", outer: 1, axis: N * OH * OW, inner: Cout }, {}, { y: [Cout] }).y;
  },

  /** The shape [N, OH, OW, Cout] of the output. Throws ShapeError. */
  outputShape(xShape: Shape, wShape: Shape, options: Conv2dOptions = {}): [n: number, oh: number, ow: number, cout: number] {
    const attrs = geometry("conv2d.outputShape", xShape, wShape, options);
    return [attrs.n, ...convOutput(attrs), attrs.cout];
  },
};

/** The sizes of y = x w over pixels, which a 1x1 convolution of stride 1 is. */
function overPixels({ n, h, w, cin, cout }: Conv2dAttrs): LinearAttrs {
  return { m: n * h * w, k: cin, n: cout };
}

/** The kernel's attributes; checks options and sizes, and dy against the output shape when it is given. */
function geometry(op: string, xShape: Shape, wShape: Shape, options: Conv2dOptions, dy?: Tensor): Conv2dAttrs {
  const { stride = 1, padding = 0 } = options;
  const pad = typeof padding === "number" ? ([padding, padding, padding, padding] as const) : padding;
  const fail = (reason: string, ...more: string[]): never => {
    throw new ShapeError(`${op}: ${reason}`, [
      `x        ${formatShape(xShape)}   expected [N, H, W, Cin]`,
      `w        ${formatShape(wShape)}   expected [kh, kw, Cin, Cout]`,
      `stride   ${stride}`,
      `padding  [${pad.join(", ")}]   top, bottom, left, right`,
      ...more,
    ]);
  };
  if (xShape.length !== 4 || wShape.length !== 4) fail(`x has ${xShape.length} axes, w has ${wShape.length}, both need 4`);
  const [n, h, w, cin] = xShape;
  const [kh, kw, wCin, cout] = wShape;
  if (cin !== wCin) fail(`x has Cin = ${cin} where w has ${wCin}`);
  if (!Number.isInteger(stride) || stride < 1) fail(`stride must be an integer >= 1`);
  if (pad.length !== 4 || pad.some((side) => !Number.isInteger(side) || side < 0)) fail(`padding must be integers >= 0`);
  const attrs: Conv2dAttrs = { n, h, w, cin, kh, kw, cout, stride, pad };
  const [oh, ow] = convOutput(attrs);
  if (oh < 1 || ow < 1) fail(`the ${kh}x${kw} kernel does not fit into the padded input`);
  if (dy !== undefined && !sameShape(dy.shape, [n, oh, ow, cout])) {
    fail("dy has not the shape of the output", `dy       ${formatShape(dy.shape)}   expected ${formatShape([n, oh, ow, cout])}`);
  }
  return attrs;
}
