/*
 * The WebAssembly kernels. scripts/build-wasm.mjs compiles this file three times (see variant.ts), and generates the bindings that
 * TypeScript calls them by (../generated/bindings.ts) from the classes of arguments and the functions that take them.
 *
 * A KERNEL is a function over chunks of work, its arguments an object in memory:
 *   kernel(args, from, to, workspace)    does chunks from .. to - 1
 *   kernelChunks(args): i32              number of chunks, from the shape alone, never from the number of threads
 *   kernelWorkspace(args): f64           bytes of workspace that each thread needs; a kernel without it needs none
 * Chunks of a kernel run in any order, on any threads, one at a time or many in a row, and give the same bits. Functions named
 * `...Bytes` and `...Parts` take the same arguments and may be asked before the addresses among them are known.
 *
 * SIZES are numbers of elements and fit 32 bits, as a memory holds 2^30 floats; offsets are taken modulo 2^32. Bytes of what a
 * kernel needs besides its arrays may be more: they are computed in f64, and the host refuses 2^31 and above, so that a kernel
 * itself computes them in 32 bits.
 *
 * MEMORY. Arrays, workspaces and everything packed or transformed begin at multiples of 128 bytes. A kernel writes its outputs and
 * its workspace, up to the next multiple of 128 bytes, and reads up to 64 bytes past the end of an input. Outputs do not overlap
 * inputs but where a kernel says so.
 */
export * from "./generated/exports";

/** First byte after the module's constants: the host may use all memory from here. */
export const heapBase: usize = __heap_base;
