export { gemm, gemmChunks, gemmPack, gemmPackBytes, gemmPackChunks, gemmWorkspace } from "./gemm";
export { winogradConv, winogradConvChunks, winogradConvWorkspace } from "./winograd-conv";
export { winogradWeights, winogradWeightsBytes, winogradWeightsChunks, winogradWeightsWorkspace } from "./winograd-weights";
export * from "./tiles";

/** First byte after the module's constants: the host may use all memory from here. */
export const heapBase: usize = __heap_base;
