/** Where the files of a model go: a folder, or whatever else takes files by name. */
export interface Target {
  /** What messages call it: its path. */
  readonly name: string;
  /** Writes a file of `byteLength` bytes from its parts, all of it or nothing. Throws where that fails. */
  write(path: string, parts: Iterable<Uint8Array>, byteLength: number): Promise<void>;
}

/** Writes a value as JSON. Throws what the target throws. */
export async function writeJsonFile(target: Target, path: string, value: object): Promise<void> {
  const bytes = new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
  await target.write(path, [bytes], bytes.length);
}
