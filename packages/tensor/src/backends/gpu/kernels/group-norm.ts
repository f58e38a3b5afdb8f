/**
 * Group normalisation over x [n, hw, c]: rows are pixels (n, position), columns channels. Sums over a group run in two steps: one
 * thread for each channel of a chunk of pixels, then one for each group. A launch has one result, so groupNormWithStats would save
 * nothing here: its composition makes the same launches.
 */
import type { GroupNormAttrs, KernelTable } from "../../../kernels/contract.js";
import { launch, withScratch, type GpuArray } from "../engine/engine.js";
import { chunkLength, reduceChunks } from "./reduce.js";
import { line, matrix } from "../engine/space.js";

/** Pixels of an image of middle size that one thread sums. */
const CHUNK = 64;

/**
 * The pixels of an image, cut into chunks of one length of which only the last may be shorter: about 64 pixels, or the square
 * root of their number where that is more, so that neither step has a long sum.
 */
function chunksOf(hw: number): { chunks: number; length: number; ragged: boolean } {
  const chunks = Math.ceil(hw / Math.max(CHUNK, Math.ceil(Math.sqrt(hw))));
  const length = Math.ceil(hw / chunks);
  return { chunks, length, ragged: chunks * length > hw };
}

/** Source text: declares the image n of the chunk that a row of [n chunks] stands for, its first pixel, and how many it has. */
const chunkOfRow = (ragged: boolean): string => `int n = div(row, chunks);
  int start = (row - n * chunks) * length;
  int first = n * hw + start;
  const count = ${ragged ? "min(length, hw - start)" : "length"};`;

/**
 * Source text: does something for the pixels first + k of the chunk; without a shorter chunk no pixel has to ask whether it is one.
 * The loops of a kernel share the name k: webasm takes twice as long for a second loop under a name of its own.
 */
const eachPixel = (ragged: boolean, text: string): string => `for (let k = 0; k < length; k++) {
    ${ragged ? `if (k < count) { ${text} }` : text}
  }`;

/** Source text: declares the group of a channel in image n, and its mean and reciprocal standard deviation. */
const groupOf = (channel: string): string => `const group = div(${channel}, size);
  const mean = stats[n, 2 * group];
  const rstd = stats[n, 2 * group + 1];`;

type Norm = Record<"x" | "stats" | "gamma" | "beta", GpuArray>;

/** The inputs of a kernel that needs z = gamma xhat + beta at its own place. */
function affineInputs({ x, stats, gamma, beta }: Norm, { n, hw, c, groups }: GroupNormAttrs) {
  const [pixels, channels] = [matrix(n * hw, c), line(c)];
  return { x: [x, pixels], stats: [stats, matrix(n, 2 * groups)], gamma: [gamma, channels], beta: [beta, channels] } as const;
}

/** Source text: declares that z. */
const AFFINE = `
  const n = div(row, hw);
  ${groupOf("col")}
  const z = gamma[col] * ((x[row, col] - mean) * rstd) + beta[col];`;

function normalize(y: GpuArray, inputs: Norm, attrs: GroupNormAttrs, fused: boolean): void {
  const { n, hw, c, groups } = attrs;
  launch(y, {
    kernel: fused ? "groupNormSilu" : "groupNorm", output: matrix(n * hw, c), inputs: affineInputs(inputs, attrs),
    sizes: { hw, size: c / groups },
    body: `${AFFINE}
  return ${fused ? "silu(z)" : "z"};`,
  });
}

/** y [n, chunks, 2, c]: for each channel and chunk of pixels the sum of dy xhat and the sum of dy. */
function sumChunks(y: GpuArray, { dy, x, stats }: Record<"dy" | "x" | "stats", GpuArray>, attrs: GroupNormAttrs): void {
  const { n, hw, c, groups } = attrs;
  const { chunks, length, ragged } = chunksOf(hw);
  launch(y, {
    kernel: "groupNormGrad (chunks)", output: matrix(n * chunks, 2 * c),
    inputs: { dy: [dy, matrix(n * hw, c)], x: [x, matrix(n * hw, c)], stats: [stats, matrix(n, 2 * groups)] },
    sizes: { hw, c, chunks, length, size: c / groups },
    body: `
  ${chunkOfRow(ragged)}
  let sum = 0;
  if (col >= c) {                                            // columns c .. 2c - 1: of dy alone
    ${eachPixel(ragged, "sum += dy[first + k, col - c];")}
    return sum;
  }
  ${groupOf("col")}
  ${eachPixel(ragged, "sum += dy[first + k, col] * (x[first + k, col] - mean) * rstd;")}
  return sum;`,
  });
}

/** y = the sums over all rows of c columns of x [rows, 2 c]. The first of them is a scalar: one kernel serves both halves. */
function sumColumns(y: GpuArray, x: GpuArray, rows: number, c: number, first: number): void {
  launch(y, {
    kernel: "groupNormGrad (parameters)", output: line(c), inputs: { x: [x, matrix(rows, 2 * c)] },
    sizes: { rows }, scalars: { first },
    body: `
  let sum = 0;
  for (let k = 0; k < rows; k++) {
    sum += x[k, first + index];
  }
  return sum;`,
  });
}

/** dgamma and dbeta from the sums of all chunks [rows, 2, c]; many of them are added in chunks first. */
function parameterGradients(dgamma: GpuArray, dbeta: GpuArray, sums: GpuArray, rows: number, c: number): void {
  const length = chunkLength(rows, 2 * c);
  if (length === rows) {
    sumColumns(dgamma, sums, rows, c, 0);
    sumColumns(dbeta, sums, rows, c, c);
    return;
  }
  const fewer = Math.ceil(rows / length);
  withScratch(sums, [fewer * 2 * c], (partial) => {
    reduceChunks(partial, sums, { outer: 1, axis: rows, inner: 2 * c }, length, "sum");
    parameterGradients(dgamma, dbeta, partial, fewer, c);
  });
}

export const groupNorms = {
  /**
   * Chan, Golub and LeVeque (1979): each chunk of a channel gives its sum and its squares about its own mean,
   *   mean = sum of the chunks' sums / size, squares = sum of the chunks' squares + count (chunk's mean - mean)^2,
   * so that no large numbers cancel.
   */
  groupNormStats({ stats }, { x }, { n, hw, c, groups }, { eps }) {
    const { chunks, length, ragged } = chunksOf(hw);
    withScratch(stats, [n * chunks * 2 * c], (partial) => {
      launch(partial, {
        kernel: "groupNormStats (chunks)", output: matrix(n * chunks, 2 * c), inputs: { x: [x, matrix(n * hw, c)] },
        sizes: { hw, c, chunks, length },
        body: `
  ${chunkOfRow(ragged)}
  const channel = col - c * div(col, c);                     // columns c .. 2c - 1 hold the squares
  let sum = 0;
  ${eachPixel(ragged, "sum += x[first + k, channel];")}
  const mean = sum / count;
  let squares = 0;
  if (col >= c) {
    ${eachPixel(ragged, "const d = x[first + k, channel] - mean; squares += d * d;")}
    return squares;
  }
  return sum;`,
      });
      launch(stats, {
        kernel: "groupNormStats", output: matrix(n, 2 * groups), inputs: { partial: [partial, matrix(n * chunks, 2 * c)] },
        sizes: { hw, c, length, chunks, size: c / groups }, scalars: { eps },
        body: `
  const group = div(col, 2);
  let sum = 0;
  for (let k = 0; k < chunks; k++) {
    for (let s = 0; s < size; s++) {
      sum += partial[row * chunks + k, group * size + s];
    }
  }
  const mean = sum / (hw * size);
  if (col === 2 * group) { return mean; }
  let squares = 0;
  for (let l = 0; l < chunks; l++) {
    const count = min(length, hw - l * length);
    for (let s = 0; s < size; s++) {
      const d = partial[row * chunks + l, group * size + s] / count - mean;
      squares += partial[row * chunks + l, c + group * size + s] + count * d * d;
    }
  }
  return 1 / sqrt(squares / (hw * size) + eps);`,
      });
    });
  },

  /** y = gamma xhat + beta */
  groupNorm({ y }, inputs, attrs) {
    normalize(y, inputs, attrs, false);
  },

  /** y = silu(gamma xhat + beta) */
  groupNormSilu({ y }, inputs, attrs) {
    normalize(y, inputs, attrs, true);
  },

  groupNormSiluWithStats({ y, stats }, { x, gamma, beta }, attrs, scalars) {
    groupNorms.groupNormStats({ stats }, { x }, attrs, scalars);
    normalize(y, { x, stats, gamma, beta }, attrs, true);
  },

  /** dx = rstd (gamma dy - mean(gamma dy) - xhat mean(gamma dy xhat)), means over the group; all sums are sums of the chunks' sums. */
  groupNormGrad({ dx, dgamma, dbeta }, { dy, x, stats, gamma }, attrs) {
    const { n, hw, c, groups } = attrs;
    const { chunks } = chunksOf(hw);
    const [pixels, perGroup] = [matrix(n * hw, c), matrix(n, 2 * groups)];
    withScratch(dx, [n * chunks * 2 * c, n * 2 * groups], (sums, means) => {
      sumChunks(sums, { dy, x, stats }, attrs);
      launch(means, {
        kernel: "groupNormGrad (means)", output: perGroup,
        inputs: { sums: [sums, matrix(n * chunks, 2 * c)], gamma: [gamma, line(c)] },
        sizes: { hw, c, chunks, size: c / groups },
        body: `
  const group = div(col, 2);
  const channel = group * size;
  const part = (col - 2 * group) * c;                        // 0: of gamma dy xhat, c: of gamma dy
  let sum = 0;
  for (let k = 0; k < chunks; k++) {
    for (let s = 0; s < size; s++) {
      sum += gamma[channel + s] * sums[row * chunks + k, part + channel + s];
    }
  }
  return sum / (hw * size);`,
      });
      launch(dx, {
        kernel: "groupNormGrad", output: pixels,
        inputs: { dy: [dy, pixels], x: [x, pixels], stats: [stats, perGroup], gamma: [gamma, line(c)], means: [means, perGroup] },
        sizes: { hw, size: c / groups },
        body: `
  const n = div(row, hw);
  ${groupOf("col")}
  const h = (x[row, col] - mean) * rstd;
  return rstd * (gamma[col] * dy[row, col] - means[n, 2 * group + 1] - h * means[n, 2 * group]);`,
      });
      parameterGradients(dgamma, dbeta, sums, n * chunks, c);
    });
  },

  /** The gradients for dz = dy silu'(z), which is written down once: its exponentials cost more than to read it again. */
  groupNormSiluGrad(outputs, { dy, ...inputs }, attrs) {
    const { n, hw, c, groups } = attrs;
    const { x, stats, gamma } = inputs;
    withScratch(dy, [n * hw * c], (dz) => {
      launch(dz, {
        kernel: "groupNormSiluGrad (dz)", output: matrix(n * hw, c),
        inputs: { ...affineInputs(inputs, attrs), dy: [dy, matrix(n * hw, c)] },
        sizes: { hw, size: c / groups },
        body: `${AFFINE}
  return dy[row, col] * siluSlope(z);`,
      });
      groupNorms.groupNormGrad(outputs, { dy: dz, x, stats, gamma }, attrs);
    });
  },
} satisfies Pick<
  KernelTable<GpuArray>,
  "groupNormStats" | "groupNorm" | "groupNormSilu" | "groupNormSiluWithStats" | "groupNormGrad" | "groupNormSiluGrad"
>;
