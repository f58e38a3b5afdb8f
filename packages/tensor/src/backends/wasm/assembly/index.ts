export { gemm, gemmChunks, gemmPack, gemmPackBytes, gemmPackChunks, gemmWorkspace } from "./gemm";

export * from "./tiles";

/** First byte after the module's constants: the host may use all memory from here. */
export const heapBase: usize = __heap_base;
