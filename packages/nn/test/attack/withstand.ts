/** What a file may do to the reader: be opened and read, or be refused by one clear line, in time and with little memory. */
import { FromnoiseError } from "@fromnoise/tensor";
import { Opaque, TorchTensor, readTorchFile, type ByteReader } from "@fromnoise/nn";

export interface Outcome {
  /** The message of the refusal; undefined where the file was opened and all its tensors were read. */
  readonly refusal: string | undefined;
  readonly milliseconds: number;
}

/** Most that a file may take. */
export const MOST_MILLISECONDS = 5000;
/** Above the file itself. */
export const MOST_MEGABYTES = 200;

/** Opens a file and reads every tensor in it, or what `open` does with it. Throws where it fails in another way than by a refusal. */
export async function withstand(
  name: string, bytes: Uint8Array, open: (bytes: Uint8Array) => Promise<unknown> = openTorch,
): Promise<Outcome> {
  const start = process.cpuUsage();
  let refusal: string | undefined;
  try {
    await open(bytes);
  } catch (error) {
    if (!(error instanceof FromnoiseError)) throw new Error(`${name}: fails with ${String(error)}`, { cause: error });
    refusal = error.message;
    if (error.summary.includes("\n") || error.summary.length > 1000) throw new Error(`${name}: is refused by more than a line: ${error.summary.slice(0, 2000)}`);
  }
  const { user, system } = process.cpuUsage(start);
  const milliseconds = (user + system) / 1000;                                         // of computing, whatever else the machine does
  if (milliseconds > MOST_MILLISECONDS) throw new Error(`${name}: takes ${Math.round(milliseconds)} ms`);
  return { refusal, milliseconds };
}

/** Reads outside of what there is fail as no file of a disk would let them: they are mistakes of the reader. */
function readerOf(bytes: Uint8Array): ByteReader {
  return {
    size: bytes.length,
    async read(offset, length) {
      if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length)) throw new RangeError(`bytes ${offset} .. ${offset + length} of ${bytes.length}`);
      return bytes.subarray(offset, offset + length);
    },
  };
}

export async function openTorch(bytes: Uint8Array): Promise<void> {
  const file = await readTorchFile(readerOf(bytes), "attack.pt");
  const seen = new Set<unknown>();
  const left = [file.value];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (value instanceof TorchTensor) await file.read(value);
    else if (value instanceof Map) for (const pair of value) left.push(...pair);
    else if (Array.isArray(value) || value instanceof Set) for (const inner of value) left.push(inner);
    else if (value instanceof Opaque) left.push(value.args, value.state, value.list, value.dict);
  }
}
