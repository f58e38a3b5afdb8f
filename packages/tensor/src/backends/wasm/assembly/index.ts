/*
 * The WebAssembly kernels: this file is their table of contents. scripts/build-wasm.mjs compiles it three times (see variant.ts).
 *
 * HOW A KERNEL IS CALLED. Every kernel is one function over a range of chunks, with its arguments in memory:
 *   kernel(args, from, to, workspace)    does chunks from .. to - 1; returns nothing
 *   kernelChunks(args): i32              number of chunks, from the shape alone, never from the number of threads
 *   kernelWorkspace(args): i32           bytes of workspace that EACH thread needs; kernels without it need none (pass 0)
 * `args` is the address of 32-bit integers in the order given below: addresses are bytes, everything else is a count of floats or
 * pixels, booleans are 0 or 1. Chunks of one kernel may run in any order on any threads and give the same bits; the kernel is
 * finished when all chunks are. The `...Bytes` and `...Parts` functions below take the same args and may be called before the
 * addresses in them are known.
 *
 * MEMORY. `env.memory` is imported, at least 1 page; heapBase is the first byte that the module does not use for constants.
 * Tensors are aligned to 4 bytes or more, the workspace and everything packed or transformed to 128. No kernel allocates, and
 * none writes outside its output and workspace, but kernels read up to 64 bytes past the end of an input: leave 64 bytes at the
 * end of the memory. Inputs and outputs do not overlap. All sizes (n, h, cin, k, ...) are at least 1.
 *
 * MATRIX PRODUCT (gemm.ts). C[m, n] = (accumulate ? C : 0) + bias[n] + op(A) op(B), f32, for each of `batch` matrices.
 *   args: a, b, c, bias | 0, packed, m, n, k, lda, ldb, ldc, transA, transB, accumulate, batch, strideA, strideB, strideC
 *   A is [m, k] (transA: [k, m]) with rows of lda floats, B [k, n] (transB: [n, k]), C [m, n]; strides lie between matrices.
 *   1. allocate gemmPackBytes(args) bytes, put the address into `packed`     (strideB = 0: one B for all matrices, packed once)
 *   2. gemmPack: B to panels; keep the result as long as B does not change
 *   3. gemm:     reads a, packed, bias; writes c
 *
 * CONVOLUTION. x [n, h, w, cin], weights [kh, kw, cin, cout], y [n, oh, ow, cout];
 *   y[i, j] = sum over (a, b) of x[i * stride + a - padTop, j * stride + b - padLeft] w[a, b]; what lies outside x is 0, so
 *   padding below and right follows from oh and ow.
 *   args of all convolution kernels but winogradWeights (conv-args.ts):
 *     x, weights, y, bias | 0, partials, n, h, w, cin, oh, ow, cout, kh, kw, stride, padTop, padLeft, tile
 *
 *   kernel size 3, stride 1, by Winograd (tile = 4: F(4x4,3x3), error about 1e-5; tile = 2: F(2x2,3x3), about 5e-7), padding
 *   0..2. Worth it when cin and cout are both at least 8 or so; otherwise take the general kernels.
 *     winogradWeights     args: weights, transformed, cin, cout, tile, gradInput; winogradWeightsBytes(args) bytes at transformed
 *     winogradConv        y = conv(x) + bias; `weights` = transformed with gradInput 0
 *                         dx: the same kernel with x = dy, y = dx, (h, w, cin) and (oh, ow, cout) exchanged, padTop = 2 - padTop,
 *                         padLeft = 2 - padLeft, bias 0, `weights` = transformed with gradInput 1
 *     winogradGradWeight  dw from x and y = dy; `weights` = dw
 *   any kernel size, stride, padding (implicit matrix product; a 1x1 of stride 1 is better a gemm with m = n * h * w):
 *     convPackForward     `weights` to panels at `y`, convPackForwardBytes(args) bytes    (y here is the packed buffer)
 *     convForward         y = conv(x) + bias; `weights` = packed by convPackForward
 *     convPackGradInput   `weights` to panels at `y`, convPackGradInputBytes(args) bytes  (y here is the packed buffer)
 *     convGradInput       `x` = dx from y = dy; `weights` = packed by convPackGradInput
 *     convGradWeight      dw from x and y = dy; `weights` = dw. Also dw = x^T dy of a 1x1 convolution or a
 *                         linear layer (n = 1, h = 1, w = rows)
 *   few channels on one side, 4 or less (a mirrored convolution has its weights from mirrorWeights and padding kh - 1 - padTop):
 *     convPackFewInputs, convFewInputs        y = conv(x) + bias for few cin; the pack reads the bias, too.
 *                                             dx for few cout and stride 1: the same, mirrored
 *     convPackFewOutputs, convFewOutputs      y = conv(x) + bias for few cout and stride 1. dx for few cin: the same, mirrored
 *     convFewInputsGrad                       dw for few cin. For few cout and stride 1: the same, mirrored, x and dy exchanged
 *   partial sums of the three grad-weight kernels: parts = winogradGradWeightParts(args), say. If parts > 1,
 *   allocate parts * kh * kw * cin * cout floats, put the address into `partials` before the call, and afterwards run
 *     sumPartials         args: partials, sum (= dw), count (= kh * kw * cin * cout), parts
 *   Transformed and packed weights depend on the weights alone: make them once a step. The gradient of the bias is a sum over
 *   rows of dy.
 */
export { gemm, gemmChunks, gemmPack, gemmPackBytes, gemmPackChunks, gemmWorkspace } from "./gemm/gemm";
export { winogradConv, winogradConvChunks, winogradConvWorkspace } from "./winograd/winograd-conv";
export { winogradWeights, winogradWeightsBytes, winogradWeightsChunks, winogradWeightsWorkspace } from "./winograd/winograd-weights";
export {
  winogradGradWeight, winogradGradWeightChunks, winogradGradWeightParts, winogradGradWeightWorkspace,
} from "./winograd/winograd-grad-weight";
export {
  convForward, convForwardChunks, convForwardWorkspace, convPackForward, convPackForwardBytes, convPackForwardChunks,
} from "./conv/conv-forward";
export {
  convGradInput, convGradInputChunks, convGradInputWorkspace, convPackGradInput, convPackGradInputBytes, convPackGradInputChunks,
} from "./conv/conv-grad-input";
export { convGradWeight, convGradWeightChunks, convGradWeightParts, convGradWeightWorkspace } from "./conv/conv-grad-weight";
export {
  convFewInputs, convFewInputsChunks, convFewInputsGrad, convFewInputsGradChunks, convFewInputsGradParts,
  convFewInputsGradWorkspace, convFewInputsWorkspace, convPackFewInputs, convPackFewInputsBytes, convPackFewInputsChunks,
} from "./conv/conv-few-inputs";
export {
  convFewOutputs, convFewOutputsChunks, convFewOutputsWorkspace, convPackFewOutputs, convPackFewOutputsBytes,
  convPackFewOutputsChunks,
} from "./conv/conv-few-outputs";
export { mirrorWeights } from "./conv/conv-mirror";
export { sumPartials, sumPartialsChunks } from "./conv/sum-partials";
/*
 * The remaining kernels work on ranges of units (elements, rows, blocks of pixels, said at each): the host chooses how many units
 * make a chunk, from the shape alone. Their results do not depend on it.
 */
export { affine, clip, full, unary, where } from "./elementwise/elementwise";
export { binary } from "./elementwise/binary";
export { argmax, reduce } from "./move/reduce";
export { copyRows, gather, repeatElements, scatterAdd } from "./move/copy";
export { permute, transpose } from "./move/permute";
export { groupNorm, groupNormStats, groupNormSums } from "./norm/group-norm";
export {
  groupNormGradImage, groupNormGradImages, groupNormGradInput, groupNormGradParams, groupNormGradSums,
} from "./norm/group-norm-grad";
export { softmax, softmaxGrad } from "./norm/softmax";
export { sumPool, upsampleNearest } from "./move/resample";
export { adam, ema } from "./elementwise/update";
/** Not for callers: exported so that they stay functions of their own (see tiles.ts). */
export * from "./gemm/tiles";

/** First byte after the module's constants: the host may use all memory from here. */
export const heapBase: usize = __heap_base;
