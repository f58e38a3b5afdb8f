/** How much of what is drawn looks real, and how much of what is real is drawn. */
import { ConfigError } from "@fromnoise/tensor";
import { commonWidth, rowSizes, type Rows } from "./rows.js";

/** Shares in 0 .. 1: of samples among the real ones, and of real ones among the samples. */
export interface PrecisionRecall {
  /** Part of the samples that lie among real ones. */
  readonly precision: number;
  /** Part of the real ones that lie among samples. */
  readonly recall: number;
}

/**
 * Improved precision and recall (Kynkäänniemi et al. 2019, equations 1 and 2): a set's manifold is the union of balls around its points,
 * each as large as the distance to the point's k-th nearest other,
 *   f(x, S) = 1 if |x - s| <= |s - NN_k(s, S)| for an s of S, else 0,
 *   precision = mean of f(x, real) over samples, recall = mean of f(x, samples) over real ones,
 * NN_k without s itself. Both sets are best of the same size, as the balls shrink with it. Throws ShapeError for rows of two widths,
 * ConfigError unless each set has more than k rows, k a whole number from 1.
 */
export function precisionRecall(samples: Rows, real: Rows, k = 3): PrecisionRecall {
  commonWidth("precisionRecall", samples, real);
  return { precision: shareWithin(samples, real, radii(real, k)), recall: shareWithin(real, samples, radii(samples, k)) };
}

/** The square of each row's distance to its k-th nearest other row. */
function radii(rows: Rows, k: number): Float64Array {
  const { count, width } = rowSizes("precisionRecall", rows);
  if (!(Number.isInteger(k) && k >= 1 && k < count)) {
    throw new ConfigError(`precisionRecall: k is ${k}`, [`allowed  whole numbers from 1, and fewer than the ${count} rows`]);
  }
  const out = new Float64Array(count);
  const best = new Float64Array(k);                                                     // ascending
  for (let i = 0; i < count; i++) {
    best.fill(Infinity);
    for (let j = 0; j < count; j++) {
      if (j === i) continue;
      let square = squareOf(rows, i, rows, j, width);
      for (let place = 0; place < k; place++) {
        if (square >= best[place]) continue;
        [square, best[place]] = [best[place], square];
      }
    }
    out[i] = best[k - 1];
  }
  return out;
}

/** Part of the rows x with |x - s_j|^2 <= squares[j] for some j. */
function shareWithin(rows: Rows, set: Rows, squares: Float64Array): number {
  const { count, width } = rowSizes("precisionRecall", rows);
  let within = 0;
  for (let i = 0; i < count; i++) {
    if (squares.some((square, j) => squareOf(rows, i, set, j, width) <= square)) within++;
  }
  return within / count;
}

function squareOf(a: Rows, i: number, b: Rows, j: number, width: number): number {
  let sum = 0;
  for (let k = 0; k < width; k++) sum += (a.data[i * width + k] - b.data[j * width + k]) ** 2;
  return sum;
}
