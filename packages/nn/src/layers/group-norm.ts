import { ConfigError, groupNorm, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { join, type Module } from "../parameters/module.js";
import { Parameter } from "../parameters/parameter.js";
import { backwardAt, forwardAt } from "./enter.js";

/** Number of groups, and what keeps the root away from 0. */
export interface GroupNormOptions {
  readonly groups: number;
  /** Added to the variance; default 1e-5 as in PyTorch, 1e-6 in the paper's code. */
  readonly eps?: number;
}

/** x [N, H, W, C], and mean and deviation of every group. */
export interface GroupNormCache {
  /** [N, ..., C] */
  x: Tensor;
  /** [N, groups, 2]: mean and reciprocal standard deviation of each group. */
  stats: Tensor;
}

/** Channels that `groups` must divide. Throws ConfigError naming both. */
function checkGroups(name: string, channels: number, groups: number): void {
  if (Number.isInteger(groups) && groups >= 1 && channels % groups === 0) return;
  const divisors = Array.from({ length: channels }, (_, i) => i + 1).filter((g) => channels % g === 0);
  throw new ConfigError(`${name}: ${channels} channels cannot be split into ${groups} groups`, [
    `allowed  ${divisors.join(", ")} groups`,
  ]);
}

/** Group normalisation (Wu, He 2018): y = gamma (x - mean) / sqrt(variance + eps) + beta, mean and variance over a group. */
export class GroupNorm implements Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly groups: number;
  readonly eps: number;

  constructor(readonly name: string, channels: number, { groups, eps = 1e-5 }: GroupNormOptions) {
    checkGroups(name, channels, groups);
    this.groups = groups;
    this.eps = eps;
    this.weight = new Parameter(join(name, "weight"), [channels], { kind: "vector", role: "norm-scale" });
    this.bias = new Parameter(join(name, "bias"), [channels], { kind: "vector", role: "norm-shift" });
  }

  get parameters(): Parameter[] {
    return [this.weight, this.bias];
  }

  forward(x: Tensor): [y: Tensor, cache: GroupNormCache] {
    return forwardAt(this, { x }, () => {
      const { groups, eps, weight, bias } = this;
      const { y, stats } = groupNorm.forwardWithStats(x, weight.tensor, bias.tensor, { groups, eps });
      return [y, { x, stats }];
    });
  }

  backward(dy: Tensor, cache: GroupNormCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => {
      const { x, stats } = cache;
      const { dx, dgamma, dbeta } = groupNorm.backward(dy, x, stats, this.weight.tensor, { groups: this.groups });
      grads.add(this.bias, dbeta);
      grads.add(this.weight, dgamma);
      return dx;
    });
  }
}
