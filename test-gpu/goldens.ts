/** The golden files of the packages' tests, for the suite. */
import { readFileSync } from "node:fs";
import type { Goldens } from "./report.js";

const files = [
  "tensor/test/golden/ops.json", "nn/test/golden/unet_tiny_ho.json", "nn/test/golden/unet_tiny_diffusers_default.json",
  "nn/test/golden/unet_tiny_scale_shift.json", "diffusion/test/golden/train_tiny_ho.json",
];

export function readGoldens(): Goldens {
  const read = (file: string): { kind: string } =>
    JSON.parse(readFileSync(new URL(`../packages/${file}`, import.meta.url), "utf8")) as { kind: string };
  return Object.fromEntries(files.map((file) => [file.split("/").at(-1)!, read(file)]));
}
