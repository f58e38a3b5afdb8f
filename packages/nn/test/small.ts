/** Small networks and modules that several tests use. */
import { readFileSync } from "node:fs";
import { tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { Parameter, UNet, initialize, type Module, type UNetOptions } from "@fromnoise/nn";

/** A network of the paper's kind: 8x8 images of 2 channels, two levels, attention at the lower one. */
export const smallConfig: UNetOptions = {
  in_channels: 2, out_channels: 2, layers_per_block: 1, block_out_channels: [8, 16], norm_num_groups: 4,
  down_block_types: ["DownBlock2D", "AttnDownBlock2D"], up_block_types: ["AttnUpBlock2D", "UpBlock2D"],
  attention_head_dim: null, downsample_padding: 0, flip_sin_to_cos: false, freq_shift: 1, norm_eps: 1e-6,
};

export function smallUNet(device: Device, more: UNetOptions = {}, seed = 0): UNet {
  return initialize(new UNet({ ...smallConfig, ...more }), { device, dtype: "f64", seed });
}

/** A module of one vector. */
export function vectorModule(device: Device, values: readonly number[], name = "p"): VectorModule {
  const module = emptyVector(values.length, name);
  module.p.tensor = tensor(values, { device, dtype: "f64" });
  return module;
}

export interface VectorModule extends Module { readonly p: Parameter; create(): VectorModule }

function emptyVector(size: number, name: string): VectorModule {
  const p = new Parameter(name, [size], { kind: "vector", role: "bias" });
  return { name: "", parameters: [p], p, create: () => emptyVector(size, name) };
}

export const valuesOf = async (t: Tensor): Promise<number[]> => Array.from(await t.data());

export function readGolden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), "utf8")) as T;
}

/** The message of the error that fn throws; "" when it throws none. */
export function messageOf(fn: () => unknown): string {
  try {
    fn();
    return "";
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}
