/** Images made larger and smaller by a whole factor. */
import { define } from "./definition.js";
import type { Shape } from "../core/shape.js";

/** [n, h, w, c] and a factor `scale` between its sides and those of the result. */
export interface ResampleAttrs { readonly n: number; readonly h: number; readonly w: number; readonly c: number; readonly scale: number }

const image = ({ n, h, w, c }: ResampleAttrs): Shape => [n, h, w, c];
const smaller = ({ n, h, w, c, scale }: ResampleAttrs): Shape => [n, h / scale, w / scale, c];

export const resampling = {
  upsampleNearest: define<ResampleAttrs>()({
    equation: "y[n, p, q, c] = x[n, floor(p / scale), floor(q / scale), c]",
    inputs: { x: image }, scalars: [], outputs: { y: ({ n, h, w, c, scale }): Shape => [n, h * scale, w * scale, c] },
  }),
  sumPool: define<ResampleAttrs>()({
    equation: "y[n, p, q, c] = sum over i, j < scale of x[n, scale p + i, scale q + j, c]",
    inputs: { x: image }, scalars: [], outputs: { y: smaller },
  }),
} as const;
