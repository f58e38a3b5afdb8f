/** What the resampling ops share: an integer factor between the sides of two images. */
import { ShapeError } from "../../core/errors.js";
import { givenOptions } from "../../core/expect-options.js";
import { formatShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { matchShapes } from "./match-shapes.js";

/** A factor of both sides of images. */
export interface ScaleOptions {
  /** Integer factor between the sides of the small and the large image. */
  scale: number;
}

/** The scale. Throws ConfigError where the options have none, ShapeError unless it is an integer >= 1. */
export function scaleOf(op: string, options: ScaleOptions): number {
  const { scale } = givenOptions(op, options, { scale: 2 });
  if (Number.isInteger(scale) && scale >= 1) return scale;
  throw new ShapeError(`${op}: scale must be an integer >= 1`, [`scale    ${scale}`]);
}

/** The sides of a small image and the scale. */
export interface DividedSides { n: number; h: number; w: number; c: number; scale: number }

/** [N, H, W, C] with H and W divided by the scale. Throws as scaleOf, and ShapeError where they are not divisible. */
export function dividedSides(op: string, name: string, x: Tensor, options: ScaleOptions): DividedSides {
  const scale = scaleOf(op, options);
  const { N, H, W, C } = matchShapes(op, { [name]: [x, "N H W C"] });
  if (H % scale !== 0 || W % scale !== 0) {
    throw new ShapeError(`${op}: the sides of ${name} are not divisible by ${scale}`, [
      `${name.padEnd(8)} ${formatShape(x.shape)}   expected [N, ${scale} h, ${scale} w, C]`,
    ]);
  }
  return { n: N, h: H / scale, w: W / scale, c: C, scale };
}
