/**
 * How a kernel looks at an array: in a line, or as rows and columns. The numbers lie in the same order in every view, so an array
 * has no shape of its own here, and seeing it differently costs nothing.
 */
export type Space = readonly [n: number] | readonly [rows: number, cols: number] | readonly [rows: number, cols: number, quad: 4];

/** Sizes of an array seen from one axis. */
export type Folded = readonly [outer: number, axis: number, inner: number];

/** n elements in a line. A kernel over it knows its own place as `index`. */
export const line = (n: number): Space => [n];

/** Rows and columns, the columns side by side in memory. A kernel over it knows its own place as `row` and `col`. */
export const matrix = (rows: number, cols: number): Space => [rows, cols];

/**
 * Rows and columns of quads, four numbers side by side that a thread reads or returns at once. On GL a quad is a texel of its own
 * kind of texture: what was computed as quads can only be read as quads.
 */
export const quads = (rows: number, cols: number): Space => [rows, cols, 4];

export const isQuads = (space: Space): space is readonly [number, number, 4] => space.length === 3;

export const isLine = (space: Space): space is readonly [number] => space.length === 1;

export function elements(space: Space): number {
  return space.reduce((product: number, side) => product * side, 1);
}

/** Above it an address held in a variable, an f32 in every mode, is no longer exact. */
export const EXACT = 2 ** 24;

/**
 * The space of an array [outer, axis, inner]: rows are [outer, axis] and columns inner; without an inner axis rows are outer and
 * columns the axis; a single axis is a line as long as its addresses are exact.
 */
export function foldedSpace([outer, axis, inner]: Folded): Space {
  if (inner > 1) return matrix(outer * axis, inner);
  return outer === 1 && axis <= EXACT ? line(axis) : matrix(outer, axis);
}

/** The index of element (o, j, i) of an array [outer, axis, inner] in its folded space, as source text; `axis` names its size there. */
export function foldedAt(size: Folded, axis: string, o: string, j: string, i: string): string {
  const [outer, along, inner] = size;
  if (isLine(foldedSpace(size))) return j;
  if (inner === 1) return outer === 1 ? `0, ${j}` : `${o}, ${j}`;
  if (outer === 1) return `${j}, ${i}`;
  return along === 1 ? `${o}, ${i}` : `(${o}) * ${axis} + ${j}, ${i}`;
}

/** Source text that declares o, j and i, the place of the element a kernel computes in its folded output, whose axis has a named size. */
export function foldedPlace(size: Folded, axis: string): string {
  const [outer, along, inner] = size;
  if (isLine(foldedSpace(size))) return "const o = 0; const j = index; const i = 0;";
  if (inner === 1) return "const o = row; const j = col; const i = 0;";
  if (outer === 1) return "const o = 0; const j = row; const i = col;";
  if (along === 1) return "const o = row; const j = 0; const i = col;";
  return `const o = div(row, ${axis}); const j = row - o * ${axis}; const i = col;`;
}
