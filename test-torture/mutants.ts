/** Damaged files of every format that is read: each is opened, or refused by one of the library's own errors, in time. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImageError, Random, openDevice, type Device } from "@fromnoise/tensor";
import { disposeParameters, encodeSafetensors, networkOf, parseSafetensors } from "@fromnoise/nn";
import { mutants } from "../packages/nn/test/attack/mutate.js";
import { MOST_MILLISECONDS, openTorch, withstand } from "../packages/nn/test/attack/withstand.js";
import { fromnoise } from "../packages/diffusion/test/command/fromnoise.js";
import { colorJpeg, grayPng, png } from "../packages/diffusion/test/image/fixtures.js";
import { manyScans } from "../packages/diffusion/test/image/hostile.js";
import { mutated, outcome } from "../packages/diffusion/test/image/mutants.js";
import { tinyConfig, tinyDataset } from "../packages/diffusion/test/train/fixtures.js";
import { readCheckpoint } from "../packages/diffusion/src/models/formats/checkpoint.js";
import { loadModel } from "../packages/diffusion/src/models/load-model.js";
import { memorySource } from "../packages/diffusion/src/models/source.js";
import { saveCheckpoint } from "../packages/diffusion/src/train/checkpoint.js";
import { savedConfig } from "../packages/diffusion/src/train/config.js";
import { parseMetrics } from "../packages/diffusion/src/train/metrics.js";
import { networkSpec } from "../packages/diffusion/src/train/model-fields.js";
import { Trainer } from "../packages/diffusion/src/train/trainer.js";
import { mutatedText } from "./json-mutants.js";
import type { Tried } from "./report.js";

/** A format: sound files, how they are damaged, and how they are opened. */
interface Format {
  readonly name: string;
  readonly note?: string;
  /** The i-th damaged file. */
  damaged(i: number, random: Random): Uint8Array;
  open(bytes: Uint8Array): Promise<unknown>;
}

/** How many damaged files, of which formats. */
interface Attack { readonly count: number; readonly seed: number; readonly formats: readonly string[] | undefined }

const folder = mkdtempSync(join(tmpdir(), "fromnoise-mutants-"));
const file = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../packages/${path}`, import.meta.url)));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Damages bytes as the reader of PyTorch's files is attacked. */
function bytesOf(sound: readonly Uint8Array[]): Format["damaged"] {
  const named = Object.fromEntries(sound.map((bytes, i) => [String(i), bytes]));
  let waiting: Iterator<{ bytes: Uint8Array }> | undefined;
  return (_, random) => {
    waiting ??= mutants(named, Number.MAX_SAFE_INTEGER, Math.floor(random.uniform(1)[0]! * 1e9))[Symbol.iterator]();
    return (waiting.next().value as { bytes: Uint8Array }).bytes;
  };
}

/** Damages a safetensors file by its bytes, or by the JSON of its header, or by the JSON in its metadata. */
function safetensorsOf(sound: Uint8Array): Format["damaged"] {
  const raw = bytesOf([sound]);
  const end = 8 + Number(new DataView(sound.buffer, sound.byteOffset).getBigUint64(0, true));
  const header = textOf(sound.subarray(8, end));
  const withHeader = (text: string): Uint8Array => {
    const json = utf8(text);
    const size = new Uint8Array(8);
    new DataView(size.buffer).setBigUint64(0, BigInt(json.length), true);
    return Buffer.concat([size, json, sound.subarray(end)]);
  };
  return (i, random) => {
    if (i % 3 === 0) return raw(i, random);
    if (i % 3 === 1) return withHeader(mutatedText(header, random));
    const parsed = JSON.parse(header) as { __metadata__?: Record<string, string> };
    const text = parsed.__metadata__?.["fromnoise"];
    if (text === undefined) return raw(i, random);
    return withHeader(JSON.stringify({ ...parsed, __metadata__: { fromnoise: mutatedText(text, random) } }));
  };
}

async function checkpointBytes(device: Device): Promise<Uint8Array> {
  const trainer = new Trainer(tinyConfig({ data: "digits", batch: 1 }), device, tinyDataset);
  await trainer.trainStep();
  const path = join(folder, "checkpoint.safetensors");
  await saveCheckpoint(path, trainer);
  return new Uint8Array(readFileSync(path));
}

/** Text of a file, damaged as JSON half of the times, else by its bytes. */
function jsonOf(sound: readonly Uint8Array[]): Format["damaged"] {
  const raw = bytesOf(sound);
  return (i, random) => (i % 4 === 0 ? raw(i, random) : utf8(mutatedText(textOf(sound[i % sound.length]!), random)));
}

async function formats(device: Device): Promise<Format[]> {
  const checkpoint = await checkpointBytes(device);
  const config = utf8(JSON.stringify(tinyConfig({ data: "digits" })));
  const unet = JSON.parse(textOf(config)) as { model: object };
  const { tensors } = parseSafetensors(checkpoint);
  const weights = encodeSafetensors([...tensors].filter(([name]) => name.startsWith("model.")).map(([name, t]) => [name.slice(6), t]), { format: "pt" });
  const weightBytes = new Uint8Array(Buffer.concat([...weights]));                 // a copy: what a Buffer slices, it shares
  const modelConfig = utf8(JSON.stringify(unet.model)), scheduler = utf8(JSON.stringify({ _class_name: "DDPMScheduler", num_train_timesteps: 20 }));
  const torchFolder = new URL("../packages/nn/test/golden/torch/", import.meta.url);
  const torch = readdirSync(torchFolder).filter((name) => name.endsWith(".pt")).map((name) => new Uint8Array(readFileSync(new URL(name, torchFolder))));
  const goldens = [
    // of the training its first step alone: what is left sound is computed, ten thousand times
    utf8(JSON.stringify({ ...JSON.parse(textOf(file("diffusion/test/golden/train_tiny_ho.json"))) as object, steps: [{ loss: 1, grad_norm: 1 }] })),
    ...[
      "nn/test/golden/unet_tiny_ho.json", "tensor/test/golden/ops.json", "nn/test/golden/dit_tiny.json", "nn/test/golden/unet_tiny_lucidrains_2.3.1.json",
    ].map(file),
  ];
  const images = [
    grayPng(20, 20, (x, y) => (x * y) % 256),
    png({ width: 5, height: 7, depth: 16, colorType: 6, interlaced: true, samples: Array.from({ length: 140 }, (_, i) => (i * 977) % 65536) }),
    png({ width: 9, height: 3, depth: 2, colorType: 3, palette: [1, 2, 3, 4, 5, 6, 7, 8, 9], samples: Array.from({ length: 27 }, (_, i) => i % 3) }),
  ];
  const jpegs = [colorJpeg(24, 16, [10, 200, 30], [250, 0, 9]), manyScans(32, 32, 4)];
  /** The same pixels, or the same error, each of the two times. */
  const twice = async (bytes: Uint8Array): Promise<void> => {
    const first = outcome(bytes);
    if (outcome(bytes) !== first) throw new Error("decodes to other pixels when repeated");
    if (first.startsWith("ImageError")) throw new ImageError(first.split("\n")[0]);
  };
  return [
    { name: "PNG", damaged: (i, random) => mutated(images[i % images.length]!, random), open: twice, note: "each decoded twice alike" },
    { name: "JPEG", damaged: (i, random) => mutated(jpegs[i % jpegs.length]!, random), open: twice, note: "each decoded twice alike" },
    { name: "safetensors", damaged: safetensorsOf(weightBytes), open: async (bytes) => parseSafetensors(bytes) },
    {
      name: "checkpoint", damaged: safetensorsOf(checkpoint),
      async open(bytes) {
        const source = memorySource("run", { "checkpoint-1.safetensors": bytes });
        await readCheckpoint(source);
        disposeParameters((await loadModel(source, device)).network);
      },
    },
    { name: "config.json", damaged: jsonOf([config]), open: async (bytes) => networkOf(networkSpec(savedConfig(parsedObject(bytes)).model)) },
    {
      name: "folder of diffusers", note: "config.json, scheduler_config.json, weights",
      damaged: (i, random) => [jsonOf([modelConfig]), jsonOf([scheduler]), safetensorsOf(weightBytes)][i % 3]!(i, random),
      async open(bytes) {
        const text = textOf(bytes.subarray(0, 200));
        const sound = { "config.json": modelConfig, "scheduler/scheduler_config.json": scheduler, "diffusion_pytorch_model.safetensors": new Uint8Array(weightBytes) };
        const which = text.includes("timesteps") ? "scheduler/scheduler_config.json" : text.includes("block") && text.startsWith("{") ? "config.json" : "diffusion_pytorch_model.safetensors";
        disposeParameters((await loadModel(memorySource("folder", { ...sound, [which]: bytes }), device)).network);
      },
    },
    { name: "PyTorch, zip and older", damaged: bytesOf(torch), open: openTorch },
    {
      name: "golden numbers", note: "by `verify`", damaged: jsonOf(goldens),
      async open(bytes) {
        const path = join(folder, "golden.json");
        writeFileSync(path, bytes);
        const { err } = await fromnoise("verify", path, "--device", "reference");
        if (err.includes("This was not expected")) throw new Error(err.slice(0, 300));
      },
    },
    { name: "metrics.jsonl", damaged: jsonOf([utf8('{"step":1,"loss":1,"gradNorm":1,"lr":0.1,"buckets":[null,1],"imagesPerSecond":1,"seconds":1}')]), open: async (bytes) => parseMetrics(`${textOf(bytes)}\n${textOf(bytes)}\n`) },
  ];
}

function parsedObject(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value = JSON.parse(textOf(bytes)) as unknown;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : {};
  } catch {
    return {};
  }
}

/** `count` damaged files of every format, or of those with one of some words in their names. `onFormat` hears of each as it is done. */
export async function attackFormats({ count, seed, formats: wanted }: Attack, onFormat: (tried: Tried & { seconds: number }) => void): Promise<void> {
  const device = await openDevice("reference");
  for (const { name, note = "", damaged, open } of await formats(device)) {
    if (wanted !== undefined && !wanted.some((one) => name.includes(one))) continue;
    const random = new Random(seed, name.length);
    const began = performance.now();
    const failed: string[] = [];
    let refused = 0, slowest = 0;
    for (let i = 0; i < count; i++) {
      const bytes = damaged(i, random);
      try {
        const { refusal, milliseconds } = await withstand(`${name} ${i} of seed ${seed}`, bytes, open);
        if (refusal !== undefined) refused++;
        slowest = Math.max(slowest, milliseconds);
      } catch (error) {
        failed.push((error as Error).message);
        if (failed.length <= 3) writeFileSync(join(tmpdir(), `fromnoise-mutant-${name.replace(/\W+/g, "-")}-${i}`), bytes);
      }
    }
    onFormat({
      what: `damaged ${name}`, tried: count, failed, seconds: (performance.now() - began) / 1000,
      note: `${note === "" ? "" : `${note}; `}${refused.toLocaleString("en-US")} refused, slowest ${Math.round(slowest)} ms of ${MOST_MILLISECONDS}`,
    });
  }
  await device.dispose();
  rmSync(folder, { recursive: true, force: true });
}
