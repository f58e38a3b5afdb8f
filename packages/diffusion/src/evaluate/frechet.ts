/** The Frechet distance between two sets of features, each taken as a normal distribution. */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { ConfigError, ShapeError } from "@fromnoise/tensor";
import { commonWidth, rowSizes, type Rows } from "./rows.js";

/** Mean and covariance of rows: [W], and [W, W] row by row. */
export interface Moments {
  readonly mean: Float64Array;
  readonly covariance: Float64Array;
}

/**
 * mu = 1/N sum x_i and S = 1/(N - 1) sum (x_i - mu)(x_i - mu)^T in f64. Throws ShapeError for what are no rows, ConfigError for fewer
 * than two and for values that are not finite.
 */
export function moments(rows: Rows): Moments {
  const { count, width } = rowSizes("frechet", rows);
  if (count < 2) throw new ConfigError("frechet: one row has no covariance", [`got      ${count} rows`, "allowed  two or more"]);
  const { data } = rows;
  const wrong = data.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw new ConfigError("frechet: a feature is no finite number", [`got      ${data[wrong]}, in row ${Math.floor(wrong / width)}`]);
  const mean = new Float64Array(width);
  for (let i = 0; i < data.length; i++) mean[i % width] += data[i] / count;
  const covariance = new Float64Array(width * width);
  const off = new Float64Array(width);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < width; k++) off[k] = data[i * width + k] - mean[k];
    for (let k = 0; k < width; k++) {
      for (let l = 0; l <= k; l++) covariance[k * width + l] += off[k] * off[l];
    }
  }
  for (let k = 0; k < width; k++) {
    for (let l = 0; l <= k; l++) covariance[l * width + k] = covariance[k * width + l] /= count - 1;
  }
  return { mean, covariance };
}

/**
 * d^2 = |mu1 - mu2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), the Frechet distance of two normal distributions (Dowson, Landau 1982; between the
 * moments of features of a network Heusel et al. 2017, equation 6, where it is called FID). 0 for equal moments, in squared units of the
 * features. The root has the trace of (S1^(1/2) S2 S1^(1/2))^(1/2), whose argument is symmetric: roots of its eigenvalues, which rounding
 * may leave a little below 0. Throws ShapeError for moments of two widths.
 */
export function frechetBetween(first: Moments, second: Moments): number {
  const width = first.mean.length;
  if (second.mean.length !== width) throw new ShapeError("frechet: moments of two widths", [`got      ${width} and ${second.mean.length} features`]);
  const between = first.mean.reduce((sum, mu, k) => sum + (mu - second.mean[k]) ** 2, 0);
  const s1 = matrixOf(first.covariance, width), s2 = matrixOf(second.covariance, width);
  const root = rootOf(s1);
  const product = root.mmul(s2).mmul(root);
  const overlap = eigenvaluesOf(product).reduce((sum, value) => sum + Math.sqrt(value), 0);
  return Math.max(0, between + s1.trace() + s2.trace() - 2 * overlap);
}

/**
 * `frechetBetween` the moments of two sets of rows. Few rows make it larger: compare distances of equally many. Throws as `moments`, and
 * ShapeError for rows of two widths.
 */
export function frechetDistance(a: Rows, b: Rows): number {
  commonWidth("frechet", a, b);
  return frechetBetween(moments(a), moments(b));
}

function matrixOf(values: Float64Array, width: number): Matrix {
  return Matrix.from1DArray(width, width, values);
}

/** S^(1/2) = V diag(l)^(1/2) V^T of a symmetric S without negative eigenvalues. */
function rootOf(s: Matrix): Matrix {
  const { realEigenvalues, eigenvectorMatrix: v } = new EigenvalueDecomposition(s, { assumeSymmetric: true });
  const roots = realEigenvalues.map((value) => Math.sqrt(Math.max(0, value)));
  return v.clone().mulRowVector(roots).mmul(v.transpose());
}

function eigenvaluesOf(s: Matrix): number[] {
  const symmetric = Matrix.add(s, s.transpose()).mul(0.5);
  return new EigenvalueDecomposition(symmetric, { assumeSymmetric: true }).realEigenvalues.map((value) => Math.max(0, value));
}
