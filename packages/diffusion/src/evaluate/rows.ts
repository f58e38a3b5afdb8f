/** Points of a space, one a row: images by their pixels, or features of them. What all measures of this folder compare. */
import { formatShape, ShapeError, sizeOf, type NumberArray, type Shape } from "@fromnoise/tensor";

/** N rows in host memory: shape [N, ...], row i the values i W .. (i + 1) W - 1, W the product of the other sides. A batch of images is one. */
export interface Rows {
  readonly shape: Shape;
  readonly data: NumberArray;
}

/** N and W. Throws ShapeError for data of another length than the shape says, and for rows without values. */
export function rowSizes(what: string, { shape, data }: Rows): { count: number; width: number } {
  const [count = 0, ...row] = shape;
  const width = sizeOf(row);
  if (shape.length >= 2 && width > 0 && data.length === count * width) return { count, width };
  throw new ShapeError(`${what}: these are no rows of numbers`, [
    `got        ${data.length} values, shape ${formatShape(shape)}`, "expected   [N, ...], as many values as that",
  ]);
}

/** The width of both. Throws ShapeError as rowSizes, and where rows of a and b have not the same width. */
export function commonWidth(what: string, a: Rows, b: Rows): number {
  const { width } = rowSizes(what, a);
  if (rowSizes(what, b).width === width) return width;
  throw new ShapeError(`${what}: rows of two widths`, [`got        ${formatShape(a.shape)} and ${formatShape(b.shape)}`]);
}

/** Rows of several blocks one below the other. Throws ShapeError where there is none, or their shapes differ but for N. */
export function stacked(blocks: readonly Rows[]): Rows & { readonly data: Float64Array } {
  const [, ...row] = blocks[0]?.shape ?? [];
  const count = blocks.reduce((sum, block) => sum + block.shape[0], 0);
  const data = new Float64Array(count * sizeOf(row));
  let at = 0;
  for (const block of blocks) {
    commonWidth("stacked", blocks[0], block);
    data.set(block.data, at);
    at += block.data.length;
  }
  if (blocks.length === 0) throw new ShapeError("stacked: there are no rows");
  return { shape: [count, ...row], data };
}

/** The first n rows, a view of them. */
export function firstRows({ shape: [count, ...row], data }: Rows, n: number): Rows {
  const kept = Math.min(n, count);
  return { shape: [kept, ...row], data: data.subarray(0, kept * sizeOf(row)) };
}
