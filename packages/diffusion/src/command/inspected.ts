/** A path that `inspect` shows: a model of any format, a config, or tensors in a file that says nothing else. */
import type { NumberArray, Shape } from "@fromnoise/tensor";
import {
  describe, networkOf, readSafetensorsHeader, readSafetensorsTensor, type Network, type SafetensorsHeader,
} from "@fromnoise/nn";
import { looksLikeSafetensors } from "../models/formats/checkpoint-format.js";
import { configFile } from "../models/formats/config-file.js";
import { formatOf, modelFormats } from "../models/model-formats.js";
import { fileSource } from "../models/node/file-source.js";
import type { Described, ReadOptions } from "../models/model-format.js";
import { pathOf, withFile, type Source } from "../models/source.js";

/** A tensor with its values, or of a type that is not read. */
export interface InspectedTensor { readonly name: string; readonly shape: Shape; readonly data: NumberArray | undefined; readonly dtype: string }

export interface Inspected {
  /** What is known of the model; undefined of tensors alone. */
  readonly model: (Described & { readonly built: Network }) | undefined;
  /** What a file of tensors alone says about itself. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Names and shapes as files have them: of the chosen weights, or of the network where there are none. */
  shapes(): Promise<ReadonlyMap<string, Shape>>;
  /** The tensors one after another; undefined where there are only shapes. */
  readonly each: ((use: (tensor: InspectedTensor) => void | Promise<void>) => Promise<void>) | undefined;
}

/** Opens a path; `asked` says which set of weights, and what the file does not say itself. Throws as `fileSource`, `formatOf` and the formats do. */
export async function openInspected(path: string, asked: ReadOptions): Promise<Inspected> {
  const files = fileSource(path);
  const tensors = await tensorsAlone(files);
  if (tensors !== undefined) return tensors;
  const format = await formatOf(files, [...modelFormats, configFile]);
  const described = await format.describe(files, asked.network === undefined ? {} : { network: asked.network });
  const model = { ...described, built: networkOf(described.network) };
  const ofNetwork = async (): Promise<ReadonlyMap<string, Shape>> => new Map(describe(model.built).map(({ name, shape }) => [name, shape]));
  const readable = modelFormats.find(({ name }) => name === format.name);
  if (readable === undefined) return { model, shapes: ofNetwork, each: undefined };
  let read: ReturnType<typeof readable.read> | undefined;
  const tensorsOf = async (): ReturnType<typeof readable.read> => (read ??= readable.read(files, asked));
  return {
    model,
    shapes: async () => new Map([...(await tensorsOf()).tensors].map(([name, { shape }]) => [name, shape])),
    async each(use) {
      for (const [name, { shape, data }] of (await tensorsOf()).tensors) {
        await use({ name, shape, data, dtype: data instanceof Float64Array ? "F64" : "F32" });
      }
    },
  };
}

const READ = new Set(["F64", "F32", "F16", "BF16"]);

/** A file of safetensors without what makes it a checkpoint; its tensors are read one at a time. */
async function tensorsAlone(files: Source): Promise<Inspected | undefined> {
  const names = await files.list();
  if (names.length !== 1 || !(await looksLikeSafetensors(files, names[0]))) return undefined;
  const [file] = names;
  const path = pathOf(files, file);
  const header = await withFile(files, file, (reader) => readSafetensorsHeader(reader, path));
  if ("fromnoise" in header.metadata) return undefined;
  const shapes = new Map([...header.tensors].map(([name, { shape }]) => [name, shape]));
  return {
    model: undefined, metadata: header.metadata, shapes: async () => shapes,
    each: (use) => withFile(files, file, async (reader) => {
      for (const name of header.tensors.keys()) await use(await tensorOf(reader, header, name, path));
    }),
  };
}

async function tensorOf(
  reader: Parameters<typeof readSafetensorsTensor>[0], header: SafetensorsHeader, name: string, path: string,
): Promise<InspectedTensor> {
  const { dtype, shape } = header.tensors.get(name)!;
  const data = READ.has(dtype) ? (await readSafetensorsTensor(reader, header, name, path)).data : undefined;
  return { name, shape, data, dtype };
}
