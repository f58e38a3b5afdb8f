/**
 * The parts of a U-Net, whatever its stages are: a level on the way down, the middle, a level on the way up. x [N, H, W, C], temb
 * [N, D]. The order of their parameters is that of a state dict, which who builds them knows.
 */
import { add, concat, type Random, type Tensor } from "@fromnoise/tensor";
import { backwardAt, forwardAt } from "../../layers/enter.js";
import type { Grads } from "../../parameters/grads.js";
import type { Module } from "../../parameters/module.js";
import type { Parameter } from "../../parameters/parameter.js";
import type { Policy } from "../policy.js";
import type { Resampler } from "./resampler.js";

/** Gradients of what a block reads. */
export interface BlockGradients { dx: Tensor; dtemb: Tensor }

/** With the gradient of the image that blocks hand along, where they do (skip-blocks.ts). */
export interface DownGradients extends BlockGradients { dimage?: Tensor }
export interface UpGradients extends DownGradients { dskips: Tensor[] }

/** A level on the way down. */
export interface Down<C = unknown> extends Module {
  /** Number of outputs. */
  readonly outputCount: number;
  /** The outputs of all steps, each a skip, the last one what the next block reads; after them the image that is handed on, if any. */
  forward(x: Tensor, temb: Tensor, policy: Policy, random?: Random, image?: Tensor): [made: Tensor[], cache: C];
  /**
   * dy: gradient of the last output from the next block; dskips: gradients of the outputs from the way up, of all of them, or of the
   * stages alone where the way up does not read what the downsampler gives; dimage of the image.
   */
  backward(dy: Tensor, dskips: readonly Tensor[], cache: C, grads: Grads, dimage?: Tensor): DownGradients;
}

/** A level on the way up. */
export interface Up<C = unknown> extends Module {
  /** Number of skips the block reads. */
  readonly skipCount: number;
  /** skips[j] goes into stage j: [x, skip] along the channels. Gives y, and after it the image that is handed on, if any. */
  forward(
    x: Tensor, skips: readonly Tensor[], temb: Tensor, policy: Policy, random?: Random, image?: Tensor,
  ): [made: readonly Tensor[], cache: C];
  /** dskips[j] is the gradient of skips[j]. */
  backward(dy: Tensor, cache: C, grads: Grads, dimage?: Tensor): UpGradients;
}

/** A step of a level, which keeps the sides: y = f(x, temb). */
export interface BlockStage<C = unknown> {
  forward(x: Tensor, temb: Tensor, policy: Policy, random?: Random): [y: Tensor, cache: C];
  backward(dy: Tensor, cache: C, grads: Grads): BlockGradients;
}

/** The time embedding is read by many layers: their gradients add up. */
export function sumOf(tensors: readonly (Tensor | undefined)[]): Tensor {
  return tensors.filter((t) => t !== undefined).reduce((a, b) => add(a, b));
}

export interface DownBlockCache {
  /** Stage 0 is of x [N, H, W, Cin], the others of [N, H, W, C]. */
  stages: unknown[];
  /** The downsampler's, of [N, H, W, C]; undefined where there is none. */
  downsampler: unknown;
}

/** A level on the way down: its stages, then where there is one a step to the next level, which most often halves the sides. */
export class DownBlock implements Down<DownBlockCache> {
  constructor(
    readonly name: string, readonly parameters: readonly Parameter[], private readonly stages: readonly BlockStage[],
    private readonly downsampler: Resampler | undefined,
  ) {}

  get outputCount(): number {
    return this.stages.length + (this.downsampler === undefined ? 0 : 1);
  }

  forward(x: Tensor, temb: Tensor, policy: Policy, random?: Random): [outputs: Tensor[], cache: DownBlockCache] {
    return forwardAt(this, { x, temb }, () => {
      const outputs: Tensor[] = [];
      const stages = this.stages.map((stage) => {
        const [h, cache] = stage.forward(outputs.at(-1) ?? x, temb, policy, random);
        outputs.push(h);
        return cache;
      });
      if (this.downsampler === undefined) return [outputs, { stages, downsampler: undefined }];
      const [y, downsampler] = policy.step(x.device, () => this.downsampler!.forward(outputs.at(-1)!, temb, random));
      return [[...outputs, y], { stages, downsampler }];
    });
  }

  backward(dy: Tensor, dskips: readonly Tensor[], cache: DownBlockCache, grads: Grads): BlockGradients {
    return backwardAt(this, dy, cache, grads, () => {
      const count = this.stages.length;
      const down = this.downsampler && dy.device.scope(() =>
        this.downsampler!.backward(dskips.length > count ? add(dy, dskips[count]) : dy, cache.downsampler, grads));
      const dtembs = [down?.dtemb];
      let dh = down?.dx ?? dy;
      for (let j = count - 1; j >= 0; j--) {
        const { dx, dtemb } = this.stages[j].backward(add(dh, dskips[j]), cache.stages[j], grads);
        dtembs.push(dtemb);
        dh = dx;
      }
      return { dx: dh, dtemb: sumOf(dtembs) };
    }, { dskips });
  }
}

export interface MidBlockCache {
  /** Of [N, H, W, C] each. */
  stages: unknown[];
}

/** The middle, at the lowest resolution: ResBlock, attention, ResBlock. */
export class MidBlock implements Module {
  constructor(
    readonly name: string, readonly parameters: readonly Parameter[], private readonly stages: readonly BlockStage[],
  ) {}

  forward(x: Tensor, temb: Tensor, policy: Policy, random?: Random): [y: Tensor, cache: MidBlockCache] {
    return policy.step(x.device, () => forwardAt(this, { x, temb }, () => {
      let h = x;
      const stages = this.stages.map((stage) => {
        const [y, cache] = stage.forward(h, temb, policy, random);
        h = y;
        return cache;
      });
      return [h, { stages }];
    }));
  }

  backward(dy: Tensor, cache: MidBlockCache, grads: Grads): BlockGradients {
    return backwardAt(this, dy, cache, grads, () => {
      const dtembs: Tensor[] = [];
      let dh = dy;
      for (let j = this.stages.length - 1; j >= 0; j--) {
        const { dx, dtemb } = this.stages[j].backward(dh, cache.stages[j], grads);
        dtembs.push(dtemb);
        dh = dx;
      }
      return { dx: dh, dtemb: sumOf(dtembs) };
    });
  }
}

export interface UpBlockCache {
  /** Stage j is of [N, H, W, C_j + channels of skip j]. */
  stages: unknown[];
  /** C_j: how many of the channels that stage j reads come from below. */
  channels: number[];
  /** The upsampler's, of [N, H, W, C]; undefined where there is none. */
  upsampler: unknown;
}

/**
 * A level on the way up: each stage reads its input beside one skip; then where there is one a step to the next level, which most
 * often doubles the sides.
 */
export class UpBlock implements Up<UpBlockCache> {
  constructor(
    readonly name: string, readonly parameters: readonly Parameter[], private readonly stages: readonly BlockStage[],
    private readonly upsampler: Resampler | undefined,
  ) {}

  get skipCount(): number {
    return this.stages.length;
  }

  forward(
    x: Tensor, skips: readonly Tensor[], temb: Tensor, policy: Policy, random?: Random,
  ): [made: [y: Tensor], cache: UpBlockCache] {
    const { device } = x;
    const [made, cache] = policy.step(device, () => forwardAt(this, { x, skips, temb }, () => {
      const channels: number[] = [];
      let h = x;
      const stages = this.stages.map((stage, j) => {
        channels.push(h.shape[3]);
        const [y, cache] = policy.step(device, () => stage.forward(concat.forward([h, skips[j]], 3), temb, policy, random));
        if (h !== x) policy.done(h);
        h = y;
        return cache;
      });
      if (this.upsampler === undefined) return [h, { stages, channels, upsampler: undefined }];
      const [y, upsampler] = policy.step(device, () => this.upsampler!.forward(h, temb, random));
      return [y, { stages, channels, upsampler }];
    }));
    return [[made], cache];
  }

  backward(dy: Tensor, cache: UpBlockCache, grads: Grads): UpGradients {
    return backwardAt(this, dy, cache, grads, () => {
      const up = this.upsampler && dy.device.scope(() => this.upsampler!.backward(dy, cache.upsampler, grads));
      const dtembs = [up?.dtemb];
      const dskips: Tensor[] = [];
      let dh = up?.dx ?? dy;
      for (let j = this.stages.length - 1; j >= 0; j--) {
        const { dx, dtemb } = this.stages[j].backward(dh, cache.stages[j], grads);
        dtembs.push(dtemb);
        const channels = cache.channels[j];
        [dh, dskips[j]] = concat.backward(dx, [channels, dx.shape[3] - channels], 3);
      }
      return { dx: dh, dskips, dtemb: sumOf(dtembs) };
    });
  }
}
