/** Numbers in closed form, as golden files have them. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { tensor, type Device, type Shape, type Tensor } from "@fromnoise/tensor";
import { goldenFill } from "@fromnoise/nn";

const coefficients = { phase: 0.7, step: 1.3, chirp: 0.01 };

/** fill(k, scale, base) in f64. */
export function fill(device: Device, shape: Shape, k: number, scale = 1, base = 0): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(goldenFill(coefficients, size, k, scale, base), { device, dtype: "f64", shape });
}

/** x_i = ((37 i) mod 256) / 127.5 - 1: pixels of every brightness. */
export function pixels(device: Device, shape: Shape): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float64Array.from({ length: size }, (_, i) => ((i * 37) % 256) / 127.5 - 1), { device, dtype: "f64", shape });
}

export function goldenFile<T>(name: string): T {
  return JSON.parse(readFileSync(fileURLToPath(new URL(`../golden/${name}`, import.meta.url)), "utf8")) as T;
}
