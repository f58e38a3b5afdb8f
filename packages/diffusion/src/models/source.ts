/** Where the files of a model are: a folder, one file, memory, or whatever else gives files by name. */
import { CheckpointError, FromnoiseError } from "@fromnoise/tensor";
import { failureReason, parseJson, type FileReader } from "@fromnoise/nn";
import { isObject } from "@fromnoise/nn/kinds";

/** Files by name, wherever they are: a folder, memory, a server. */
export interface Source {
  /** What messages call it: its path. */
  readonly name: string;
  /** The names of its files; "unet/config.json" is one in a folder below. */
  list(): Promise<string[]>;
  /** Opens a file of this name, which the caller closes. Throws where there is none. */
  open(path: string): Promise<FileReader>;
}

/** Configurations are small: a JSON file beyond this is something else, and is not read into memory. */
const MAX_JSON_BYTES = 2 ** 24;

/** Files in memory, by name: of a page's downloads, of tests. Their bytes are not copied. */
export function memorySource(name: string, files: Readonly<Record<string, Uint8Array>>): Source {
  return {
    name,
    list: async () => Object.keys(files),
    async open(path) {
      if (!Object.hasOwn(files, path)) throw new Error("no such file or folder");
      const bytes = files[path];
      return {
        size: bytes.length,
        async read(offset, length) {
          if (offset + length > bytes.length) throw new Error(`it has ${bytes.length} bytes, not ${offset + length}`);
          return bytes.subarray(offset, offset + length);
        },
        close: async () => undefined,
      };
    },
  };
}

/** What messages call a file of a source: its path. A source of one file is named by that path already. */
export function pathOf({ name }: Source, path: string): string {
  const alone = name.endsWith(path) && /^$|[/\\]$/.test(name.slice(0, -path.length));
  return alone ? name : `${name}/${path}`;
}

/** Opens a file, lets `use` read it, and closes it whatever happens. Throws CheckpointError when it cannot be read. */
export async function withFile<T>(source: Source, path: string, use: (file: FileReader) => Promise<T>): Promise<T> {
  try {
    const file = await source.open(path);
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof FromnoiseError) throw error;
    throw new CheckpointError(`cannot read ${pathOf(source, path)}: ${failureReason(error)}`);
  }
}

/**
 * The JSON object in a file; with `infinities` the one word that Python writes beside JSON, -Infinity, is a number too.
 * Throws CheckpointError when it cannot be read, is too large, or holds something else.
 */
export async function readJsonFile(
  source: Source, path: string, { infinities = false }: { infinities?: boolean } = {},
): Promise<Readonly<Record<string, unknown>>> {
  const shown = pathOf(source, path);
  const bytes = await withFile(source, path, async (file) => {
    if (file.size > MAX_JSON_BYTES) {
      throw new CheckpointError(
        `${shown}: ${file.size} bytes are no configuration`, [`allowed  up to ${MAX_JSON_BYTES} bytes of JSON`],
      );
    }
    return file.read(0, file.size);
  });
  let value: unknown;
  try {
    value = parseJson(new TextDecoder().decode(bytes), { infinities });
  } catch (error) {
    throw new CheckpointError(`${shown} is not JSON`, [`reason   ${(error as Error).message}`]);
  }
  if (isObject(value)) return value;
  throw new CheckpointError(`${shown} holds no JSON object`, ["expected {...}"]);
}
