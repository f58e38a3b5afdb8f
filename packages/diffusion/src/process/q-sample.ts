/** The forward process on tensors: every image of a batch at its own level of noise. */
import { add, formatShape, multiply, sameShape, ShapeError, tensor, type Tensor } from "@fromnoise/tensor";
import type { Amounts } from "./level.js";

/** The levels of a batch: one for each image, or one for all. */
export type Levels = readonly Amounts[] | Amounts;

/** A level for every image of x [N, ...]. Throws ShapeError when there are not as many as images. */
export function levelsOf(x: Tensor, at: Levels): readonly Amounts[] {
  const batch = x.shape[0];
  const levels = "alpha" in at ? new Array<Amounts>(batch).fill(at) : at;
  if (levels.length === batch) return levels;
  throw new ShapeError(`${levels.length} noise levels for a batch of ${batch}`, [`x        ${formatShape(x.shape)}`]);
}

/** Throws ShapeError unless the tensors have one shape: nothing is repeated silently over a batch. */
export function assertSameShape(op: string, tensors: Readonly<Record<string, Tensor>>): void {
  const [[first, { shape }], ...others] = Object.entries(tensors);
  const odd = others.find(([, t]) => !sameShape(t.shape, shape));
  if (odd === undefined) return;
  const [name, t] = odd;
  const width = Math.max(first.length, name.length, 8);
  throw new ShapeError(`${op}: ${first} and ${name} differ in shape`, [
    `${first.padEnd(width)} ${formatShape(shape)}`, `${name.padEnd(width)} ${formatShape(t.shape)}`,
  ]);
}

/** The values as a tensor [N, 1, ..., 1] that broadcasts over x [N, ...]. */
export function perImage(values: readonly number[], x: Tensor): Tensor {
  const shape = [values.length, ...x.shape.slice(1).map(() => 1)];
  return tensor(Float64Array.from(values), { device: x.device, dtype: x.dtype, shape });
}

/** a x + b y, x and y of one shape. Throws ShapeError. */
export function combine(a: number, x: Tensor, b: number, y: Tensor): Tensor {
  assertSameShape("combine", { x, y });
  return x.device.scope(() => add(multiply(x, a), multiply(y, b)));
}

/** a[n] x[n] + b[n] y[n] for every image n, x and y of one shape [N, ...]. Throws ShapeError. */
export function combineEach(a: readonly number[], x: Tensor, b: readonly number[], y: Tensor): Tensor {
  assertSameShape("combineEach", { x, y });
  return x.device.scope(() => add(multiply(perImage(a, x), x), multiply(perImage(b, y), y)));
}

/**
 * A sample of q(x_t | x_0) = N(alpha x0, sigma^2 I):  x_t = alpha x0 + sigma eps. x0 and eps [N, ...] of one shape, eps standard normal.
 * Ho et al. 2020, equation 4, where alpha = sqrt(alphaBar_t) and sigma = sqrt(1 - alphaBar_t). Throws ShapeError.
 */
export function qSample(x0: Tensor, at: Levels, eps: Tensor): Tensor {
  assertSameShape("qSample", { x0, eps });
  const levels = levelsOf(x0, at);
  return combineEach(levels.map(({ alpha }) => alpha), x0, levels.map(({ sigma }) => sigma), eps);
}
