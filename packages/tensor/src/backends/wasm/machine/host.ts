/** The parts of the WebAssembly API used here; TypeScript declares it for pages only. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  /** Adds pages of 64 KiB; throws RangeError where there is no room. */
  grow(pages: number): number;
}

/** A compiled module: the same bytes in every thread. */
export type WasmModule = object;

/** Functions of an instance, and its global `heapBase`. */
export type WasmExports = Readonly<Record<string, (...args: number[]) => number>>
  & { readonly heapBase: { readonly value: number } };

interface WebAssemblyApi {
  validate(bytes: Uint8Array): boolean;
  compile(bytes: Uint8Array): Promise<WasmModule>;
  /** Compiles at once. */
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Memory: new (limits: { initial: number; maximum: number; shared: boolean }) => WasmMemory;
  /** Asynchronous: older browsers let the main thread of a page make only small instances at once. */
  instantiate(module: WasmModule, imports: { env: { memory: WasmMemory } }): Promise<{ readonly exports: WasmExports }>;
}

/** Not there in an engine that runs without it (node --jitless): `chooseVariant` looks before anything else does. */
export const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
