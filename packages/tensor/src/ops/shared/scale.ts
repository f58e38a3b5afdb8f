/** What the resampling ops share: an integer factor between the sides of two images. */
import { ShapeError } from "../../core/errors.js";
import { formatShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { matchShapes } from "./match-shapes.js";

export interface ScaleOptions {
  /** Integer factor between the sides of the small and the large image. */
  scale: number;
}

/** Throws ShapeError unless scale is an integer >= 1. */
export function checkScale(op: string, scale: number): void {
  if (!Number.isInteger(scale) || scale < 1) throw new ShapeError(`${op}: scale must be an integer >= 1`, [`scale    ${scale}`]);
}

/** [N, H, W, C] with H and W divided by scale. Throws ShapeError where they are not divisible. */
export function dividedSides(op: string, name: string, x: Tensor, scale: number): { n: number; h: number; w: number; c: number } {
  checkScale(op, scale);
  const { N, H, W, C } = matchShapes(op, { [name]: [x, "N H W C"] });
  if (H % scale !== 0 || W % scale !== 0) {
    throw new ShapeError(`${op}: the sides of ${name} are not divisible by ${scale}`, [
      `${name.padEnd(8)} ${formatShape(x.shape)}   expected [N, ${scale} h, ${scale} w, C]`,
    ]);
  }
  return { n: N, h: H / scale, w: W / scale, c: C };
}
