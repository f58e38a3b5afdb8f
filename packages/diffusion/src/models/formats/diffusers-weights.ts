/**
 * The weights in a folder of diffusers: one file, safetensors or of torch.save, or shards of it beside an index that says which tensor is
 * where; of a variant ("fp16") or of none. In the folder itself, or in a pipeline's unet/.
 */
import { CheckpointError } from "@fromnoise/tensor";
import {
  readSafetensorsHeader, readSafetensorsTensor, readStateDict, readTorchFile, stateDictOf, type StateEntry,
} from "@fromnoise/nn";
import { isObject } from "@fromnoise/nn/kinds";
import { pathOf, readJsonFile, withFile, type Source } from "../source.js";

export const WEIGHTS_FILE = "diffusion_pytorch_model.safetensors";

/** The name of the one file of safetensors, of a variant or of none. */
export function weightsFile(variant: string | undefined): string {
  return variant === undefined ? WEIGHTS_FILE : WEIGHTS_FILE.replace(".", `.${variant}.`);
}

/** A file of weights, or the index of several. */
export interface WeightFile {
  /** The folder it is in: "" or "unet/". */
  readonly folder: string;
  /** Its name in the source. */
  readonly file: string;
  readonly variant: string | undefined;
  readonly form: "safetensors" | "bin";
  /** Whether it is the index of shards. */
  readonly sharded: boolean;
}

/** diffusion_pytorch_model.fp16.safetensors, diffusion_pytorch_model.safetensors.index.fp16.json; the variant may be missing. */
const WEIGHTS_NAME = /^((?:unet\/)?)diffusion_pytorch_model(?:\.(\w+))?\.(safetensors|bin)(\.index(?:\.(\w+))?\.json)?$/;

/** All files of weights among the names of a source, in the order in which one is to be taken: safetensors first, then indices. */
export function weightFiles(names: readonly string[]): WeightFile[] {
  const found = names.flatMap((file): WeightFile[] => {
    const match = WEIGHTS_NAME.exec(file);
    if (match === null) return [];
    const [, folder, variant, form, index, indexVariant] = match;
    return [{ folder, file, variant: variant ?? indexVariant, form: form as WeightFile["form"], sharded: index !== undefined }];
  });
  const rank = ({ folder, form, sharded }: WeightFile): number => 4 * Number(form === "bin") + 2 * Number(folder !== "") + Number(!sharded);
  return found.sort((a, b) => rank(a) - rank(b));
}

/**
 * The file of weights of a variant; without one, of none. Throws CheckpointError where there is none, and says which variants there are:
 * weights in half precision are not taken unasked.
 */
export async function weightsIn(source: Source, variant: string | undefined): Promise<WeightFile> {
  const all = weightFiles(await source.list());
  const found = all.find((weights) => weights.variant === variant);
  if (found !== undefined) return found;
  const variants = [...new Set(all.flatMap((weights) => weights.variant ?? []))];
  const plain = all.some((weights) => weights.variant === undefined) ? ["weights without a variant"] : [];
  throw new CheckpointError(`${source.name} holds no weights${variant === undefined ? "" : ` of the variant ${JSON.stringify(variant)}`}`, [
    `expected ${weightsFile(variant)} beside a config.json, or both in unet/`,
    ...(all.length === 0 ? [] : [`found    ${[...plain, ...variants.map((name) => `the variant ${name}`)].join(", ")}`]),
    ...(variant === undefined && variants.length > 0 ? [`hint     --variant ${variants[0]} reads it, { variant: "${variants[0]}" } in code`] : []),
  ]);
}

/** The tensors of a file of weights, under its names. Throws CheckpointError for what is damaged, missing or said twice. */
export async function readWeights(source: Source, { file, folder, form, sharded }: WeightFile): Promise<Tensors> {
  const read = form === "bin" ? readTorch : readSafetensors;
  return sharded ? readShards(source, file, folder, form, read) : read(source, file);
}

type Tensors = ReadonlyMap<string, StateEntry>;

function readSafetensors(source: Source, file: string): Promise<Tensors> {
  const path = pathOf(source, file);
  return withFile(source, file, async (reader) => {
    const header = await readSafetensorsHeader(reader, path);
    const tensors = new Map<string, StateEntry>();
    for (const name of header.tensors.keys()) tensors.set(name, await readSafetensorsTensor(reader, header, name, path));
    return tensors;
  });
}

function readTorch(source: Source, file: string): Promise<Tensors> {
  const path = pathOf(source, file);
  return withFile(source, file, async (reader) => {
    const opened = await readTorchFile(reader, path);
    const dict = stateDictOf(opened.value);
    if (dict === undefined) throw new CheckpointError(`${path} holds no state dict`, ["expected a dict of names and tensors, as diffusers saves it"]);
    return readStateDict(opened, dict);
  });
}

/**
 * The tensors of all shards that an index { weight_map: { tensor: file } } names: the index and the shards must say the same.
 * A shard stands beside its index, so that no name leads out of the folder.
 */
async function readShards(
  source: Source, index: string, folder: string, form: WeightFile["form"], read: (source: Source, file: string) => Promise<Tensors>,
): Promise<Tensors> {
  const path = pathOf(source, index);
  const placeOf = await readIndex(source, index, form);
  const files = [...new Set(placeOf.values())];
  const names = new Set(await source.list());
  const missing = files.filter((file) => !names.has(folder + file));
  if (missing.length > 0) {
    throw new CheckpointError(`${path}: ${missing.length} of ${files.length} shards are missing`, missing.slice(0, 12).map((file) => `missing  ${file}`));
  }
  const tensors = new Map<string, StateEntry>();
  for (const file of files) {
    for (const [name, tensor] of await read(source, folder + file)) {
      const said = placeOf.get(name);
      if (said !== file) {
        throw new CheckpointError(`${path}: the shard ${file} holds the tensor ${name}`, [`index    ${said === undefined ? "does not know it" : `says it is in ${said}`}`]);
      }
      tensors.set(name, tensor);
    }
  }
  const lost = [...placeOf].filter(([name]) => !tensors.has(name));
  if (lost.length === 0) return tensors;
  throw new CheckpointError(`${path}: ${lost.length} tensors are not in the shards that it names`, lost.slice(0, 12).map(([name, file]) => `missing  ${name} in ${file}`));
}

/** The file of every tensor. */
async function readIndex(source: Source, index: string, form: WeightFile["form"]): Promise<Map<string, string>> {
  const path = pathOf(source, index);
  const { weight_map: map } = await readJsonFile(source, index);
  if (!isObject(map) || Object.keys(map).length === 0) {
    throw new CheckpointError(`${path} has no weight_map`, ["expected { weight_map: { tensor: file } }"]);
  }
  return new Map(Object.entries(map).map(([name, file]) => {
    if (typeof file === "string" && /^[\w-][\w.-]*$/.test(file) && file.endsWith(`.${form}`)) return [name, file];
    throw new CheckpointError(`${path}: ${name} is in ${JSON.stringify(file)}`, [`allowed  names of .${form} files beside the index`]);
  }));
}
