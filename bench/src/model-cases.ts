/** The U-Net as a whole: forward pass and training step (forward, loss, backward, clip, Adam, average). */
import { mse, tensor, type DType, type Device, type Tensor } from "@fromnoise/tensor";
import { Adam, clipCoefficient, disposeParameters, Ema, globalNorm, Grads, initialize, loadGoldenParameters, UNet } from "@fromnoise/nn";
import { trainDefaults } from "@fromnoise/diffusion/node";
import type { BenchCase, BenchName, Workload } from "./case.js";
import { COEFFICIENTS, fill } from "./fill.js";
import { layerCost } from "./cost.js";

type Config = Readonly<Record<string, unknown>>;

/** The reference workload: 2,734,945 parameters; every field that is not here is diffusers' default. */
export const benchUNet: Config = {
  sample_size: 32, in_channels: 1, out_channels: 1, layers_per_block: 1, block_out_channels: [32, 64, 128], norm_num_groups: 8,
  down_block_types: ["DownBlock2D", "DownBlock2D", "AttnDownBlock2D"], up_block_types: ["AttnUpBlock2D", "UpBlock2D", "UpBlock2D"],
  attention_head_dim: 8, downsample_padding: 1, flip_sin_to_cos: true, freq_shift: 0, norm_eps: 1e-5,
};

const LR = 1e-4, EMA = 0.995;

interface Network { unet: UNet; x: Tensor; target: Tensor; timesteps: number[] }

function open(config: Config, batch: number, device: Device, dtype: DType): Network {
  const unet = initialize(new UNet(config), { device, dtype, seed: 0 });
  loadGoldenParameters(unet, unet.parameters.map((p) => p.name), COEFFICIENTS);
  const { sample_size: side, in_channels: channels } = unet.config;
  const shape = [batch, side as number, side as number, channels];
  const images = (k: number): Tensor => device.keep(tensor(fill(shape.reduce((a, b) => a * b, 1), k), { device, dtype, shape }));
  return { unet, x: images(1000), target: images(1001), timesteps: Array.from({ length: batch }, (_, i) => (37 * i) % 1000) };
}

async function openForward(config: Config, batch: number, device: Device, dtype: DType): Promise<Workload> {
  const { unet, x, target, timesteps } = open(config, batch, device, dtype);
  return {
    run: () => device.scope(() => void unet.apply(x, timesteps)),
    results: async () => {
      const y = unet.apply(x, timesteps);
      const values = Float64Array.from(await y.data());
      y.dispose();
      return [values];
    },
    dispose: () => {
      for (const t of [x, target]) t.dispose();
      disposeParameters(unet);
    },
  };
}

async function openTrainStep(config: Config, batch: number, device: Device, dtype: DType): Promise<Workload> {
  const { unet, x, target, timesteps } = open(config, batch, device, dtype);
  const adam = new Adam(unet, { lr: LR });
  const ema = new Ema(unet, { decay: EMA, warmup: "none" });
  const one = device.keep(tensor(1, { device, dtype }));
  const step = async (): Promise<number> => {
    const grads = new Grads(device);
    const loss = device.scope(() => {
      const [y, cache] = unet.forward(x, timesteps);
      const { da } = mse.backward(one, y, target);
      unet.backward(da, cache, grads);
      return mse.forward(y, target);
    });
    const norm = globalNorm(grads);
    const [value, gradNorm] = [await loss.item(), await norm.item()];
    adam.step(grads, { gradScale: clipCoefficient(gradNorm, 1) });
    ema.update();
    for (const t of [loss, norm]) t.dispose();
    grads.clear();
    return value;
  };
  return {
    run: async () => void (await step()),
    results: async () => [Float64Array.of(await step(), await step(), await step())],
    dispose: () => {
      for (const t of [x, target, one]) t.dispose();
      adam.dispose();
      ema.dispose();
      disposeParameters(unet);
    },
  };
}

function modelCase(bench: BenchName, config: Config, batch: number, title: string, quick: boolean): BenchCase {
  const train = bench !== "unet-forward";
  const forward = layerCost(config, batch);
  return {
    bench, shape: { batch, config }, title, quick, flops: (train ? 3 : 1) * forward.flops, bytes: 0,
    open: (device, dtype) => (train ? openTrainStep : openForward)(config, batch, device, dtype),
  };
}

const sized = (side: number): Config => ({ ...benchUNet, sample_size: side });
const widened = (factor: number): Config => ({ ...benchUNet, block_out_channels: [32, 64, 128].map((c) => c * factor) });

export const modelCases: readonly BenchCase[] = [
  modelCase("unet-forward", benchUNet, 16, "bench U-Net, batch 16", true),
  modelCase("unet-train-step", benchUNet, 16, "bench U-Net, batch 16", true),
  ...[1, 4, 64].map((batch) => modelCase("unet-train-step", benchUNet, batch, `bench U-Net, batch ${batch}`, false)),
  modelCase("unet-train-step", sized(16), 16, "bench U-Net at 16x16, batch 16", false),
  modelCase("unet-train-step", sized(64), 16, "bench U-Net at 64x64, batch 16", false),
  modelCase("unet-train-step", widened(0.5), 16, "bench U-Net, half width, batch 16", false),
  modelCase("demo-train-step", trainDefaults.model as Config, 32, "demo U-Net, batch 32", true),
];
