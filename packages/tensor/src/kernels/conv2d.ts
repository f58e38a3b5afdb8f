/** Convolution and its two adjoints. */
import { define } from "./definition.js";
import type { Shape } from "../core/shape.js";

/**
 * x [n, h, w, cin], weight [kh, kw, cin, cout]; zero padding [top, bottom, left, right], one stride for both axes. Canonical: not
 * 1x1 with stride 1 and no padding, which is a matrix product.
 */
export interface Conv2dAttrs {
  readonly n: number; readonly h: number; readonly w: number; readonly cin: number;
  readonly kh: number; readonly kw: number; readonly cout: number;
  readonly stride: number; readonly pad: readonly [top: number, bottom: number, left: number, right: number];
}

/** Output height and width of a convolution. */
export function convOutput({ h, w, kh, kw, stride, pad: [top, bottom, left, right] }: Conv2dAttrs): [oh: number, ow: number] {
  return [Math.floor((h + top + bottom - kh) / stride) + 1, Math.floor((w + left + right - kw) / stride) + 1];
}

/** Whether every pixel is multiplied by one matrix: such a convolution is a matrix product over pixels. */
export function isProduct({ kh, kw, stride, pad }: Conv2dAttrs): boolean {
  return kh === 1 && kw === 1 && stride === 1 && pad.every((side) => side === 0);
}

export const convX = ({ n, h, w, cin }: Conv2dAttrs): Shape => [n, h, w, cin];
export const convW = ({ kh, kw, cin, cout }: Conv2dAttrs): Shape => [kh, kw, cin, cout];
export const convY = (a: Conv2dAttrs): Shape => [a.n, ...convOutput(a), a.cout];
export const convFlops = (a: Conv2dAttrs): number => {
  const [oh, ow] = convOutput(a);
  return 2 * a.n * oh * ow * a.kh * a.kw * a.cin * a.cout;
};
export const convFlaw = (a: Conv2dAttrs): string | undefined => (isProduct(a) ? "a 1x1 convolution is a matrix product" : undefined);

export const convolutions = {
  conv2d: define<Conv2dAttrs>()({
    equation: "y[n, p, q, o] = sum over i, j, c of x[n, s p + i - top, s q + j - left, c] w[i, j, c, o]",
    inputs: { x: convX, w: convW }, scalars: [], outputs: { y: convY }, flops: convFlops, flaw: convFlaw,
  }),
  conv2dGradInput: define<Conv2dAttrs>()({
    equation: "dx[n, r, t, c] = sum over p, q, o with r = s p + i - top, t = s q + j - left of dy[n, p, q, o] w[i, j, c, o]",
    inputs: { dy: convY, w: convW }, scalars: [], outputs: { dx: convX }, flops: convFlops, flaw: convFlaw,
  }),
  conv2dGradWeight: define<Conv2dAttrs>()({
    equation: "dw[i, j, c, o] = sum over n, p, q of x[n, s p + i - top, s q + j - left, c] dy[n, p, q, o]",
    inputs: { x: convX, dy: convY }, scalars: [], outputs: { dw: convW }, flops: convFlops, flaw: convFlaw,
  }),
} as const;
