/**
 * The network of denoising-diffusion-pytorch changed under one name: what an era is, and how to tell which one weights are of. An era
 * is called by the first version that had it; it lasts until the next.
 */
import { ConfigError } from "@fromnoise/tensor";
import type { VarianceFloor } from "../../layers/standardized-conv2d.js";

/** Versions of denoising-diffusion-pytorch from which its networks are other ones. */
export const eraNames = ["1.6", "1.7.0", "1.7.1", "1.7.2", "1.7.4", "1.8", "1.9", "2.0"] as const;
/** An era of lucidrains' networks, by the version it begins with. */
export type LucidrainsEra = (typeof eraNames)[number];

/** What sets the networks of an era apart from those before. */
export interface Era {
  /** How the weights of a block's convolutions are standardised; undefined where they are not. */
  readonly standardized: VarianceFloor | undefined;
  /** The normalisation of the blocks. */
  readonly blockNorm: "group" | "rms";
  /** That of the attention, before it and after linear attention. */
  readonly attentionNorm: "channel" | "rms";
  /** Whether the attention stands within two wrappers: to_qkv is `fn.fn.to_qkv` and the norm before it `fn.norm`. */
  readonly wrapped: boolean;
  /** Whether linear attention divides the values by the number of pixels. */
  readonly dividesByPixels: boolean;
  /** Learned keys and values that every attention reads beside those of the pixels. */
  readonly memories: number;
  /** Whether a level may have full attention: the innermost one does unless told otherwise. */
  readonly fullLevels: boolean;
}

const first: Era = {
  standardized: "add", blockNorm: "group", attentionNorm: "channel", wrapped: true, dividesByPixels: true, memories: 0, fullLevels: false,
};
const rms: Era = { ...first, attentionNorm: "rms" };
const plain: Era = { ...rms, standardized: undefined };
const bare: Era = { ...plain, wrapped: false, dividesByPixels: false, fullLevels: true };

/**
 * The eras, by tags of the program's history: "1.6" is 0.32 to 1.6.4, the others go from the version they are called by; the four of
 * 1.7 lasted two days of June 2023. Each is held against numbers of the program: of 1.6.4, 1.7.0, 1.7.1, 1.7.2, 1.7.4, 1.8.8, 1.9.0 and
 * 2.3.1.
 */
export const eras: Readonly<Record<LucidrainsEra, Era>> = {
  "1.6": first,
  "1.7.0": rms,
  "1.7.1": { ...rms, standardized: "clamp" },
  "1.7.2": plain,
  "1.7.4": { ...plain, dividesByPixels: false },
  "1.8": bare,
  "1.9": { ...bare, memories: 4 },
  "2.0": { ...bare, memories: 4, blockNorm: "rms" },
};

/**
 * The era of a version of denoising-diffusion-pytorch: what its checkpoints say under `version`. Throws ConfigError for text that is
 * no version, and for those before 0.32, whose network halved the sides by another convolution.
 */
export function lucidrainsEra(version: string): LucidrainsEra {
  const numbers = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version)?.slice(1).map((part) => Number(part ?? 0));
  const era = numbers && [...eraNames].reverse().find((name) => !isBefore(numbers, name === "1.6" ? "0.32" : name));
  if (era !== undefined) return era;
  throw new ConfigError(`lucidrains' U-Net: version ${JSON.stringify(version)} is not known`, [
    "allowed  versions from 0.32: earlier networks were of another shape",
  ]);
}

function isBefore(numbers: readonly number[], version: string): boolean {
  const bound = version.split(".").map(Number);
  const i = numbers.findIndex((part, j) => part !== (bound[j] ?? 0));
  return i >= 0 && numbers[i] < (bound[i] ?? 0);
}

/**
 * The era that names of parameters tell, such as `downs.0.2.fn.norm.g`: "1.6", "1.8", "1.9" or "2.0". Weights of 1.7 have the names of
 * 1.6, and only the version beside them tells.
 */
export function eraOfNames(names: Iterable<string>): LucidrainsEra {
  const all = [...names];
  if (all.some((name) => name.includes(".fn.fn."))) return "1.6";
  if (!all.some((name) => name.endsWith(".mem_kv"))) return "1.8";
  return all.some((name) => name.endsWith("block1.norm.g")) ? "2.0" : "1.9";
}
