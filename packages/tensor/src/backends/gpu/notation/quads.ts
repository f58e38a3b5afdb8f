/**
 * Images and weights as quads, the form in which convolutions read them. A quad of an image is four neighbours in a row of pixels,
 * for one channel; a quad of weights is four neighbouring taps of a kernel's row, for one pair of channels.
 */
import { launch, type GpuArray } from "../engine/engine.js";
import { line, matrix, quads } from "../engine/space.js";

/** [n, rows, cols / 4, c] quads that hold an image x [n, h, w, c], zeros around it. */
export interface QuadImage {
  readonly n: number; readonly h: number; readonly w: number; readonly c: number;
  /** Rows of zeros above and columns of zeros before the image. */
  readonly top: number; readonly left: number;
  /** Pixels of x are this far apart; between them are zeros. */
  readonly spread: number;
  readonly rows: number;
  /** Quads in a row. */
  readonly across: number;
}

/** Numbers in the quads of an image. */
export const imageSize = ({ n, rows, across, c }: QuadImage): number => 4 * n * rows * across * c;

export function packImage(y: GpuArray, x: GpuArray, { n, h, w, c, top, left, spread, rows, across }: QuadImage): void {
  const apart = spread > 1;
  const [r, t] = apart ? ["div(down, spread)", "div(right$, spread)"] : ["down", "right$"];
  const inside = (at: string, whole: string, side: string): string =>
    `${at} >= 0 && ${whole} < ${side}${apart ? ` && ${whole} * spread === ${at}` : ""}`;
  launch(y, {
    kernel: "conv2d (pixels)", output: quads(n * rows * across, c), inputs: { x: [x, matrix(n * h * w, c)] },
    sizes: { h, w, top, left, rows, across, spread },
    body: `
  const above = div(row, across);
  const n = div(above, rows);
  const down = above - n * rows - top;
  const right$ = 4 * (row - above * across) + $ - left;
  let v$ = 0;
  if (${inside("down", r, "h")}) {
    const first = (n * h + ${r}) * w;
    if (${inside("right$", t, "w")}) { v$ = x[first + ${t}, col]; }
  }
  return [v$];`,
  });
}

/** y [n, h, w, c] = the quads [n, h, across, c] without what stands after column w, plus a bias [c] where there is one. */
export function unpackImage(
  y: GpuArray, x: GpuArray, bias: GpuArray | undefined, { n, h, w, c, across }: Pick<QuadImage, "n" | "h" | "w" | "c" | "across">,
): void {
  launch(y, {
    kernel: "conv2d (image)", output: matrix(n * h * w, c),
    inputs: { x: [x, quads(n * h * across, c)], ...(bias === undefined ? {} : { bias: [bias, line(c)] as const }) },
    sizes: { w, c, across },
    body: `
  int above = div(row, w);
  int fourth = div(row - above * w, 4);
  int k = row - above * w - 4 * fourth;
  int at = (above * across + fourth) * c;
  return [x[at + col$, k]${bias === undefined ? "" : " + bias[col$]"}];`,
  });
}

/** Sizes of a kernel's weights [kh, kw, cin, cout]. */
export interface Taps { readonly kh: number; readonly kw: number; readonly cin: number; readonly cout: number }

/** Quads in a row of taps. */
export const groupsOf = ({ kw }: Pick<Taps, "kw">): number => Math.ceil(kw / 4);

export const tapsSize = (taps: Taps): number => 4 * taps.kh * groupsOf(taps) * taps.cin * taps.cout;

/** Quads [kh, groups, cin, cout] of the weights; flipped, [kh, groups, cout, cin] with the taps in reverse order. */
export function packTaps(y: GpuArray, weight: GpuArray, taps: Taps, flipped: boolean): void {
  const { kh, kw, cin, cout } = taps;
  const [rows, cols] = flipped ? [cout, cin] : [cin, cout];
  const tap = flipped ? "(kh - 1 - i) * kw + kw - 1 - j$" : "i * kw + j$";
  launch(y, {
    kernel: "conv2d (taps)", output: quads(kh * groupsOf(taps) * rows, cols),
    inputs: { weight: [weight, matrix(kh * kw * cin, cout)] }, sizes: { kh, kw, cin, groups: groupsOf(taps), rows },
    body: `
  const above = div(row, rows);
  const from = row - above * rows;
  const i = div(above, groups);
  const j$ = 4 * (above - i * groups) + $;
  let v$ = 0;
  if (j$ < kw) { v$ = weight[(${tap}) * cin + ${flipped ? "col, from" : "from, col"}]; }
  return [v$];`,
  });
}

/** dw [kh, kw, cin, cout] = the sum over chunks of quads [chunks, kh, groups, cin, cout]. */
export function unpackTaps(dw: GpuArray, x: GpuArray, taps: Taps, chunks: number): void {
  const { kh, kw, cin, cout } = taps;
  const groups = groupsOf(taps);
  launch(dw, {
    kernel: "conv2dGradWeight (sum)", output: matrix(kh * kw * cin, cout),
    inputs: { x: [x, quads(chunks * kh * groups * cin, cout)] }, sizes: { kh, kw, cin, cout, groups, chunks, chunkSize: kh * groups * cin * cout },
    body: `
  int above = div(row, cin);
  int i = div(above, kw);
  int group = div(above - i * kw, 4);
  int k = above - i * kw - 4 * group;
  int at = ((i * groups + group) * cin + row - above * cin) * cout;
  let sum$ = 0;
  for (let chunk = 0; chunk < chunks; chunk++) {
    sum$ += x[at + col$, k];
    at += chunkSize;
  }
  return [sum$];`,
  });
}
