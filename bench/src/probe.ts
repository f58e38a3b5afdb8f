/**
 * What the processor can do from WebAssembly, measured in the same run: the peak of 128-bit multiply-adds, the speed of memory.
 * The modules are assembled here, byte by byte, so that nothing stands between the loop and the measurement. The loop is also the
 * anchor of a run: a fixed piece of work, timed in every round, that tells a slower machine from slower code.
 */
import type { Peaks } from "./rows.js";

type Bytes = readonly number[];

const unsigned = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)]);
const signed = (n: number): number[] => (n >= -64 && n < 64 ? [n & 127] : [(n & 127) | 128, ...signed(n >> 7)]);
const section = (id: number, content: Bytes): number[] => [id, ...unsigned(content.length), ...content];
const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
const name = (text: string): number[] => [text.length, ...Buffer.from(text)];

const [I32, V128, VOID] = [0x7f, 0x7b, 0x40];
const get = (local: number): number[] => [0x20, ...unsigned(local)];
const set = (local: number): number[] => [0x21, ...unsigned(local)];
const i32 = (n: number): number[] => [0x41, ...signed(n)];
const F32_ZERO = [0x43, 0, 0, 0, 0];
const [I32_ADD, I32_SUB] = [0x6a, 0x6b];
const ADD = simd(0xe4), MUL = simd(0xe6), RELAXED_MADD = simd(0x105);
const LOAD = [...simd(0x00), 4, 0], STORE = [...simd(0x0b), 4, 0];
const EXTRACT_LANE_0 = [...simd(0x1f), 0];

/** A module with one function (i32) -> f32 named run: `count` locals of a type after the argument, a body that leaves an f32. */
function assemble(count: number, type: number, body: Bytes, pages: number): Uint8Array<ArrayBuffer> {
  const code = [1, ...unsigned(count), type, ...body, 0x0b];
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, [1, 0x60, 1, I32, 1, 0x7d]), ...section(3, [1, 0]), ...section(5, [1, 0, ...unsigned(pages)]),
    ...section(7, [1, ...name("run"), 0, 0]), ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}

/** `while (n) { n -= 1; body }` on local 0. */
const loop = (body: Bytes): number[] => [0x03, VOID, ...body, ...get(0), ...i32(1), I32_SUB, 0x22, 0, 0x0d, 0, 0x0b];

/** multiply-adds of four lanes each, as two operations or one: a b + c. */
const multiplyAdd = (fused: boolean, a: number, b: number, c: number): number[] =>
  (fused ? [...get(a), ...get(b), ...get(c), ...RELAXED_MADD] : [...get(a), ...get(b), ...MUL, ...get(c), ...ADD]);
const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i);
const load = (local: number): number[] => [...i32(16 * local), ...LOAD, ...set(local)];
const sumOf = ([first, ...rest]: Bytes): number[] =>
  [...rest.reduce((sum, local) => [...sum, ...get(local), ...ADD], get(first)), ...EXTRACT_LANE_0];

/**
 * n rounds of acc[i][j] += z[i] x[j], the innermost loop of a matrix product: z is loaded in every round, x and acc stay in
 * registers (x comes from memory: V8 would make constants anew in every round). Between rounds stands the latency of the addition.
 */
function productModule(rows: number, columns: number, fused: boolean): Uint8Array<ArrayBuffer> {
  const x = range(columns, 1), z = range(rows, 1 + columns), acc = range(rows * columns, 1 + columns + rows); // local 0 counts
  const steps = acc.flatMap((sum, at) => [...multiplyAdd(fused, z[Math.floor(at / columns)], x[at % columns], sum), ...set(sum)]);
  const body = [...x.flatMap(load), ...loop([...z.flatMap(load), ...steps]), ...sumOf(acc)];
  return assemble(x.length + z.length + acc.length, V128, body, 1);
}

/** n rounds of acc[i] = acc[i] x + y: nothing but arithmetic, but a longer way from round to round. */
function chainModule(chains: number, fused: boolean): Uint8Array<ArrayBuffer> {
  const [x, y] = [1, 2], acc = range(chains, 3);
  const steps = acc.flatMap((sum) => [...multiplyAdd(fused, sum, x, y), ...set(sum)]);
  return assemble(2 + chains, V128, [...load(x), ...load(y), ...loop(steps), ...sumOf(acc)], 1);
}

const BLOCK = 8; // vectors copied in one turn of the loop

/** Copies n blocks of 128 bytes from `from` to `to`. */
function copyModule(from: number, to: number, pages: number): Uint8Array<ArrayBuffer> {
  const at = (address: number): number[] => [...get(1), ...i32(address), I32_ADD];
  const copies = Array.from({ length: BLOCK }, (_, i) => [...at(to + 16 * i), ...at(from + 16 * i), ...LOAD, ...STORE]);
  return assemble(1, I32, [...loop([...copies.flat(), ...at(16 * BLOCK), ...set(1)]), ...F32_ZERO], pages);
}

type Run = (n: number) => number;

function instantiate(bytes: Uint8Array<ArrayBuffer>): Run {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports["run"] as Run;
}

/** The best of several timings, in milliseconds. */
function best(run: () => void, repeats: number): number {
  let ms = Infinity;
  for (let i = 0; i < repeats; i++) {
    const start = performance.now();
    run();
    ms = Math.min(ms, performance.now() - start);
  }
  return ms;
}

const ROUNDS = 200_000, REPEATS = 15;
const FLOPS_PER_STEP = 8; // 4 lanes, multiply and add
/** Latency asks for many sums, the sixteen registers for few: the peak is the best of these. */
const TILES = [[1, 5], [1, 6], [2, 3], [2, 4], [3, 3]] as const, CHAINS = [8, 10, 12, 13] as const;

function peakGflops(fused: boolean): number {
  const modules = [
    ...TILES.map(([rows, columns]) => [rows * columns, productModule(rows, columns, fused)] as const),
    ...CHAINS.map((chains) => [chains, chainModule(chains, fused)] as const),
  ];
  return Math.max(...modules.map(([steps, bytes]) => {
    const run = instantiate(bytes);
    best(() => run(ROUNDS), 3); // the optimising compiler takes over
    return (FLOPS_PER_STEP * steps * ROUNDS) / best(() => run(ROUNDS), REPEATS) / 1e6;
  }));
}

/** GB/s read and written by a copy between two regions of that many bytes. */
function copyGbps(bytes: number): number {
  const run = instantiate(copyModule(0, bytes, Math.ceil((2 * bytes) / 65536)));
  const blocks = bytes / (16 * BLOCK);
  const turns = Math.max(1, Math.round(2 ** 24 / bytes));
  const copy = (): void => {
    for (let i = 0; i < turns; i++) run(blocks);
  };
  best(copy, 3);
  return (2 * bytes * turns) / best(copy, REPEATS) / 1e6;
}

const hasRelaxedSimd = WebAssembly.validate(productModule(1, 1, true));

/** Peaks of one thread: 128-bit arithmetic, and copies of 256 KiB (in cache) and 64 MiB (in memory). Takes half a second. */
export function measurePeaks(): Peaks {
  return {
    muladd_gflops: peakGflops(false), fused_gflops: hasRelaxedSimd ? peakGflops(true) : null,
    cache_gbps: copyGbps(2 ** 18), memory_gbps: copyGbps(2 ** 26),
  };
}

/** Milliseconds of a fixed piece of work, about 1 ms: the best of three. */
export function anchor(): number {
  anchorRun ??= instantiate(productModule(1, 6, false));
  return best(() => void anchorRun!(4 * ROUNDS), 3);
}
let anchorRun: Run | undefined;
