/**
 * Group normalisation (Wu and He 2018) over x [n, hw, c]: each image's channels are split into groups of neighbours, and each
 * group is brought to mean 0 and variance 1. Variance is that of the population (divided by the count).
 */
import type { NumberArray } from "../../../core/backend.js";
import type { GroupNormAttrs, KernelTable } from "../../../kernels/contract.js";

/** Calls visit(at, channel) for every element of group g of image n, at = its place in x. */
function eachInGroup(attrs: GroupNormAttrs, n: number, g: number, visit: (at: number, channel: number) => void): void {
  const { hw, c, groups } = attrs;
  const size = c / groups;
  for (let p = 0; p < hw; p++) {
    for (let channel = g * size; channel < (g + 1) * size; channel++) visit((n * hw + p) * c + channel, channel);
  }
}

function groupStats(stats: NumberArray, { groups }: GroupNormAttrs, n: number, g: number): [mean: number, rstd: number] {
  const at = (n * groups + g) * 2;
  return [stats[at], stats[at + 1]];
}

export const groupNorms = {
  /** Two passes: first the mean, then the mean of the squared distances to it. */
  groupNormStats({ stats }, { x }, attrs, { eps }) {
    const { n: batch, hw, c, groups } = attrs;
    const count = hw * c / groups;
    for (let n = 0; n < batch; n++) {
      for (let g = 0; g < groups; g++) {
        let sum = 0;
        eachInGroup(attrs, n, g, (at) => { sum += x[at]; });
        const mean = sum / count;
        let squares = 0;
        eachInGroup(attrs, n, g, (at) => { squares += (x[at] - mean) ** 2; });
        stats[(n * groups + g) * 2] = mean;
        stats[(n * groups + g) * 2 + 1] = 1 / Math.sqrt(squares / count + eps);
      }
    }
  },

  groupNorm({ y }, { x, stats, gamma, beta }, attrs) {
    for (let n = 0; n < attrs.n; n++) {
      for (let g = 0; g < attrs.groups; g++) {
        const [mean, rstd] = groupStats(stats, attrs, n, g);
        eachInGroup(attrs, n, g, (at, c) => {
          const xhat = (x[at] - mean) * rstd;
          y[at] = gamma[c] * xhat + beta[c];
        });
      }
    }
  },

  /**
   * dx = rstd (h - mean(h) - xhat mean(h xhat)), h = gamma dy: mean and rstd depend on every x of the group. dgamma = sum of dy xhat
   * and dbeta = sum of dy, over images and pixels.
   */
  groupNormGrad({ dx, dgamma, dbeta }, { dy, x, stats, gamma }, attrs) {
    const { n: batch, hw, c: channels, groups } = attrs;
    const count = hw * channels / groups;
    const sumsX = new Float64Array(channels);
    const sums = new Float64Array(channels);
    for (let n = 0; n < batch; n++) {
      for (let g = 0; g < groups; g++) {
        const [mean, rstd] = groupStats(stats, attrs, n, g);
        let sumH = 0;
        let sumHX = 0;
        eachInGroup(attrs, n, g, (at, c) => {
          const xhat = (x[at] - mean) * rstd;
          const h = gamma[c] * dy[at];
          sumH += h;
          sumHX += h * (x[at] - mean) * rstd;
          sumsX[c] += dy[at] * xhat;
          sums[c] += dy[at];
        });
        const meanH = sumH / count;
        const meanHX = sumHX / count;
        eachInGroup(attrs, n, g, (at, c) => {
          const xhat = (x[at] - mean) * rstd;
          dx[at] = rstd * (gamma[c] * dy[at] - meanH - xhat * meanHX);
        });
      }
    }
    dgamma.set(sumsX);
    dbeta.set(sums);
  },
} satisfies Pick<KernelTable<NumberArray>, "groupNormStats" | "groupNorm" | "groupNormGrad">;
