/** The parts of the U-Net: a level on the way down, the middle, a level on the way up. x [N, H, W, C], temb [N, D]. */
import { add, at, concat, type Random, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../../parameters/grads.js";
import type { Module } from "../../parameters/module.js";
import type { Parameter } from "../../parameters/parameter.js";
import type { Stage, StageCache } from "./stage.js";
import type { Resampler, ResamplerCache, Step, StepCache } from "./step.js";

/** Gradients of what a block reads. */
export interface BlockGradients { dx: Tensor; dtemb: Tensor }

/** The time embedding is read by many layers: their gradients add up. */
export function sumOf(tensors: readonly (Tensor | undefined)[]): Tensor {
  return tensors.filter((t) => t !== undefined).reduce((a, b) => add(a, b));
}

/** Parameters in the order of diffusers' state dict: attentions, resnets, then the resampler. */
function parametersOf(stages: readonly Stage[], resampler?: Resampler): Parameter[] {
  return [
    ...stages.flatMap((stage) => stage.attention?.parameters ?? []), ...stages.flatMap((stage) => stage.resnet.parameters),
    ...(resampler?.parameters ?? []),
  ];
}

/** A level on the way down: its stages, then unless it is the last a step that halves the sides. Every output is a skip. */
export class DownBlock implements Module {
  private readonly steps: readonly Step[];
  readonly parameters: readonly Parameter[];

  constructor(readonly name: string, stages: readonly Stage[], downsampler: Resampler | undefined) {
    this.steps = downsampler === undefined ? stages : [...stages, downsampler];
    this.parameters = parametersOf(stages, downsampler);
  }

  /** The outputs of all steps; the last one goes on to the next block. */
  forward(x: Tensor, temb: Tensor, random?: Random): [outputs: Tensor[], caches: StepCache[]] {
    const outputs: Tensor[] = [];
    const caches: StepCache[] = [];
    for (const step of this.steps) {
      const [h, cache] = step.forward(outputs.at(-1) ?? x, temb, random);
      outputs.push(h);
      caches.push(cache);
    }
    return [outputs, caches];
  }

  /** dy: gradient of the last output from the next block; dskips: gradients of all outputs from the way up. */
  backward(dy: Tensor, dskips: readonly Tensor[], caches: readonly StepCache[], grads: Grads): BlockGradients {
    const dtembs: (Tensor | undefined)[] = [];
    let dh = dy;
    for (let i = this.steps.length - 1; i >= 0; i--) {
      const { dx, dtemb } = this.steps[i].backward(at(this.name, () => add(dh, dskips[i])), caches[i] as never, grads);
      dtembs.push(dtemb);
      dh = dx;
    }
    return { dx: dh, dtemb: sumOf(dtembs) };
  }

  /** forward without caches. */
  apply(x: Tensor, temb: Tensor): Tensor[] {
    const outputs: Tensor[] = [];
    for (const step of this.steps) outputs.push(step.apply(outputs.at(-1) ?? x, temb));
    return outputs;
  }
}

/** The middle, at the lowest resolution: ResBlock, attention, ResBlock. */
export class MidBlock implements Module {
  readonly parameters: readonly Parameter[];

  constructor(readonly name: string, private readonly stages: readonly Stage[]) {
    this.parameters = parametersOf(stages);
  }

  forward(x: Tensor, temb: Tensor, random?: Random): [y: Tensor, caches: StageCache[]] {
    const caches: StageCache[] = [];
    let h = x;
    for (const stage of this.stages) {
      const [y, cache] = stage.forward(h, temb, random);
      caches.push(cache);
      h = y;
    }
    return [h, caches];
  }

  backward(dy: Tensor, caches: readonly StageCache[], grads: Grads): BlockGradients {
    const dtembs: Tensor[] = [];
    let dh = dy;
    for (let i = this.stages.length - 1; i >= 0; i--) {
      const { dx, dtemb } = this.stages[i].backward(dh, caches[i], grads);
      dtembs.push(dtemb);
      dh = dx;
    }
    return { dx: dh, dtemb: sumOf(dtembs) };
  }

  /** forward without caches. */
  apply(x: Tensor, temb: Tensor): Tensor {
    return x.device.scope(() => this.stages.reduce((h, stage) => stage.apply(h, temb), x));
  }
}

export interface UpBlockCache { stages: StageCache[]; channels: number[]; upsampler: ResamplerCache | undefined }

/** A level on the way up: each stage reads its input beside one skip; then, unless it is the last, a step doubles the sides. */
export class UpBlock implements Module {
  readonly parameters: readonly Parameter[];

  constructor(
    readonly name: string, private readonly stages: readonly Stage[], private readonly upsampler: Resampler | undefined,
  ) {
    this.parameters = parametersOf(stages, upsampler);
  }

  /** Number of skips the block reads. */
  get skipCount(): number {
    return this.stages.length;
  }

  /** skips[j] goes into stage j: [x, skip] along the channels. */
  forward(x: Tensor, skips: readonly Tensor[], temb: Tensor, random?: Random): [y: Tensor, cache: UpBlockCache] {
    const cache: UpBlockCache = { stages: [], channels: [], upsampler: undefined };
    let h = x;
    this.stages.forEach((stage, j) => {
      cache.channels.push(h.shape[3]);
      const [y, stageCache] = stage.forward(at(this.name, () => concat.forward([h, skips[j]], 3)), temb, random);
      cache.stages.push(stageCache);
      h = y;
    });
    if (this.upsampler === undefined) return [h, cache];
    const [y, upsampler] = this.upsampler.forward(h, temb, random);
    return [y, { ...cache, upsampler }];
  }

  /** dskips[j] is the gradient of skips[j]. */
  backward(dy: Tensor, cache: UpBlockCache, grads: Grads): BlockGradients & { dskips: Tensor[] } {
    const up = this.upsampler?.backward(dy, cache.upsampler!, grads);
    const dtembs = [up?.dtemb];
    const dskips: Tensor[] = [];
    let dh = up?.dx ?? dy;
    for (let j = this.stages.length - 1; j >= 0; j--) {
      const { dx, dtemb } = this.stages[j].backward(dh, cache.stages[j], grads);
      dtembs.push(dtemb);
      const channels = cache.channels[j];
      [dh, dskips[j]] = at(this.name, () => concat.backward(dx, [channels, dx.shape[3] - channels], 3));
    }
    return { dx: dh, dskips, dtemb: sumOf(dtembs) };
  }

  /** forward without caches. */
  apply(x: Tensor, skips: readonly Tensor[], temb: Tensor): Tensor {
    return x.device.scope(() => {
      let h = x;
      this.stages.forEach((stage, j) => {
        const y = x.device.scope(() => stage.apply(at(this.name, () => concat.forward([h, skips[j]], 3)), temb));
        if (h !== x) h.dispose();
        h = y;
      });
      return this.upsampler?.apply(h, temb) ?? h;
    });
  }
}
