/** A U-Net as a whole: forward pass, training step (forward, loss, backward, clip, Adam, average), and sampler. */
import { flopsOf, mse, observe, openDryDevice, tensor, zeros, type DType, type Device, type Observer, type Tensor } from "@fromnoise/tensor";
import {
  Adam, clipCoefficient, disposeParameters, Ema, globalNorm, Grads, initialize, loadGoldenParameters, UNet,
} from "@fromnoise/nn";
import { ddim, denoiserOf, lastOf, processOf, runSampler } from "@fromnoise/diffusion";
// By its path: this file is part of pages too, and the entry that has it is for Node.
import { pageConfig } from "../../packages/diffusion/src/train/page-config.js";
import type { Bench, ModelShape, Workload } from "./bench.js";
import { COEFFICIENTS, fill } from "./fill.js";

type Config = ModelShape["config"];

/** The reference workload: 2,734,945 parameters; every field that is not here is diffusers' default. */
export const benchUNet: Config = {
  sample_size: 32, in_channels: 1, out_channels: 1, layers_per_block: 1, block_out_channels: [32, 64, 128], norm_num_groups: 8,
  down_block_types: ["DownBlock2D", "DownBlock2D", "AttnDownBlock2D"],
  up_block_types: ["AttnUpBlock2D", "UpBlock2D", "UpBlock2D"],
  attention_head_dim: 8, downsample_padding: 1, flip_sin_to_cos: true, freq_shift: 0, norm_eps: 1e-5,
};

/** The network of the page's demo. */
export const demoUNet: Config = { ...pageConfig.model, num_class_embeds: null };

const LR = 1e-4, EMA_DECAY = 0.995, MAX_NORM = 1;
const MODEL_TOLERANCE = 1e-3;
const CHECKED_STEPS = 2;

/** Numbers of the closed-form tensors that hold the images and the targets; parameters are 0, 1, 2, ... in their order. */
const IMAGES = 1000, TARGETS = 1001;

/**
 * A batch repeats two images and two timesteps, so that loss and gradients are those of a batch of two, which the f64 reference
 * can compute in seconds; no kernel is faster for it.
 */
const DISTINCT = 2;

/** The shape whose f64 results are those of `shape`: no more images than differ. */
export function distinctShape(shape: ModelShape): ModelShape {
  return { ...shape, batch: Math.min(shape.batch, DISTINCT) };
}

function imageShape({ sample_size: side, in_channels: channels }: Config): [number, number, number] {
  return [side as number, side as number, channels as number];
}

function repeated(values: Float64Array, times: number): Float64Array {
  const out = new Float64Array(values.length * times);
  for (let i = 0; i < times; i++) out.set(values, i * values.length);
  return out;
}

/** What a model bench computes on: x and target [N, H, W, C], and the timesteps. */
export interface Batch {
  shape: [n: number, h: number, w: number, c: number];
  x: Float64Array;
  target: Float64Array;
  timesteps: number[];
}

export function modelBatch({ batch, config }: ModelShape): Batch {
  const [h, w, c] = imageShape(config);
  const distinct = Math.min(batch, DISTINCT);
  const images = (k: number): Float64Array => repeated(fill(distinct * h * w * c, k), batch / distinct);
  return {
    shape: [batch, h, w, c], x: images(IMAGES), target: images(TARGETS),
    timesteps: Array.from({ length: batch }, (_, i) => 37 + 500 * (i % distinct)),
  };
}

/** The network with its closed-form parameters. */
export function modelNetwork({ config }: ModelShape, device: Device, dtype: DType): UNet {
  const unet = initialize(new UNet(config), { device, dtype, seed: 0 });
  loadGoldenParameters(unet, unet.parameters.map((p) => p.name), COEFFICIENTS);
  return unet;
}

interface Network { unet: UNet; x: Tensor; target: Tensor; timesteps: number[] }

function openNetwork(model: ModelShape, device: Device, dtype: DType): Network {
  const { shape, x, target, timesteps } = modelBatch(model);
  const upload = (values: Float64Array): Tensor => device.keep(tensor(values, { device, dtype, shape }));
  return { unet: modelNetwork(model, device, dtype), x: upload(x), target: upload(target), timesteps };
}

function openForward(shape: ModelShape, device: Device, dtype: DType): Workload {
  const { unet, x, target, timesteps } = openNetwork(shape, device, dtype);
  target.dispose();
  return {
    run: () => device.scope(() => void unet.apply(x, timesteps)),
    async results() {
      const y = unet.apply(x, timesteps);
      const values = Float64Array.from(await y.data());
      y.dispose();
      return [values];
    },
    dispose: () => {
      x.dispose();
      disposeParameters(unet);
    },
  };
}

const demo = {
  process: processOf(pageConfig.schedule), prediction: pageConfig.prediction,
} as const;

/** DDIM from x over the shape's number of steps, without noise, with the demo's schedule and prediction. */
function openSampler(shape: ModelShape, device: Device, dtype: DType): Workload {
  const { unet: network, x, target } = openNetwork(shape, device, dtype);
  target.dispose();
  const sample = (): Promise<Tensor> => lastOf(runSampler(ddim, {
    denoise: denoiserOf({ ...demo, network }), process: demo.process, options: { steps: shape.steps ?? 1 },
    shape: x.shape, device, dtype, start: x,
  }));
  return {
    run: async () => (await sample()).dispose(),
    async results() {
      const y = await sample();
      const values = Float64Array.from(await y.data());
      y.dispose();
      return [values];
    },
    dispose: () => {
      x.dispose();
      disposeParameters(network);
    },
  };
}

function openTrainStep(shape: ModelShape, device: Device, dtype: DType): Workload {
  const { unet, x, target, timesteps } = openNetwork(shape, device, dtype);
  const one = device.keep(tensor(1, { device, dtype }));
  const adam = new Adam(unet, { lr: LR });
  const ema = new Ema(unet, { decay: EMA_DECAY, warmup: "none" });
  /** Loss and norm of the gradient before clipping. */
  const step = async (): Promise<[loss: number, norm: number]> => {
    const grads = new Grads(device);
    const loss = device.scope(() => {
      const [y, cache] = unet.forward(x, timesteps);
      const { da } = mse.backward(one, y, target);
      unet.backward(da, cache, grads);
      return mse.forward(y, target);
    });
    const norm = globalNorm(grads);
    const values: [number, number] = [await loss.item(), await norm.item()];
    adam.step(grads, { gradScale: clipCoefficient(values[1], MAX_NORM), average: ema });
    for (const t of [loss, norm]) t.dispose();
    grads.clear();
    return values;
  };
  return {
    run: async () => void (await step()),
    async results() {
      const values = [];
      for (let i = 0; i < CHECKED_STEPS; i++) values.push(...(await step()).map((v) => Float64Array.of(v)));
      return values;
    },
    dispose: () => {
      for (const t of [x, target, one]) t.dispose();
      adam.dispose();
      ema.dispose();
      disposeParameters(unet);
    },
  };
}

/** Floating-point operations of the kernels of one forward pass. */
function forwardFlops({ batch, config }: ModelShape): number {
  const device = openDryDevice();
  const unet = new UNet(config);
  for (const p of unet.parameters) p.tensor = zeros(p.shape, { device });
  const [h, w, channels] = imageShape(config);
  let flops = 0;
  const count: Observer = { after: ({ kernel, attrs }) => void (flops += flopsOf(kernel, attrs)) };
  const forward = (): Tensor => unet.apply(zeros([batch, h, w, channels], { device }), new Array<number>(batch).fill(0));
  observe(device, count, () => device.scope(() => void forward()));
  return flops;
}

function title({ batch, config, steps }: ModelShape): string {
  const { sample_size, block_out_channels } = config as { sample_size: number; block_out_channels: number[] };
  const sampled = steps === undefined ? "" : ` ${steps} step${steps === 1 ? "" : "s"}`;
  return `B${batch} ${sample_size}x${sample_size} ${block_out_channels.join("-")}${sampled}`;
}

function modelBench(flopsPerForward: number, open: Bench<ModelShape>["open"]): Bench<ModelShape> {
  return {
    model: true, tolerance: MODEL_TOLERANCE, title, open,
    cost: (shape) => ({ flops: flopsPerForward * (shape.steps ?? 1) * forwardFlops(shape), bytes: 0 }),
  };
}

/** A backward pass is two products of the forward's size for each of the forward's: three times the forward in all. */
export const modelBenches = {
  "unet-forward": modelBench(1, openForward),
  "unet-train-step": modelBench(3, openTrainStep),
  "demo-train-step": modelBench(3, openTrainStep),
  "sampler": modelBench(1, openSampler),
};
