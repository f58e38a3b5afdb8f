/** What a gpu mode does at its limits in real sizes: right to the last element, or refused under the limit's name. */
import { launch, type GpuArray } from "../../src/backends/gpu/engine/engine.js";
import type { GpuBackend, GpuMode } from "../../src/backends/gpu/index.js";
import { line } from "../../src/backends/gpu/engine/space.js";

/** Rows of one column that a mode takes: elsewhere 2^24, as many as an array may have numbers. */
const rowsOf = (mode: GpuMode): number => (mode === "webgpu" ? 65_535 * 8 : 2 ** 24);

interface LimitCase {
  readonly name: string;
  /** Of the result: millions take seconds on gpu.js's CPU modes. */
  readonly numbers: number;
  /** Whether the mode has to compute it; one that has not refuses. */
  readonly fits: (mode: GpuMode) => boolean;
  /** What is wrong with the result, undefined where it is right. */
  readonly run: (backend: GpuBackend) => Promise<string | undefined>;
}

export const limitCases: readonly LimitCase[] = [
  upsample(510, 257), // 524,280 pixels, all that webgpu takes
  upsample(511, 257),
  upsample(1500, 1500), // more than 2^23
  upsample(2048, 2048), // 2^24
  convolution(3001),
  lineOf(2 ** 24 - 1),
  { ...lineOf(2 ** 24 + 3), fits: (mode) => mode === "webgpu" },
  sumOf(7),
  { ...sumOf(8), fits: () => false },
];

/** Runs a case: what is wrong with it in a mode, undefined where nothing is; refusals name the limit. */
export async function limitFailure({ fits, run }: LimitCase, backend: GpuBackend, mode: GpuMode): Promise<string | undefined> {
  const failure = await run(backend).catch((error: unknown) => error as Error);
  if (fits(mode)) return failure instanceof Error ? failure.message : failure;
  if (!(failure instanceof Error)) return "was not refused";
  return new RegExp(`limit {4}\\d+ .*\\(${mode}\\)`).test(failure.message) ? undefined : failure.message;
}

/** An image of one channel twice as high and wide. */
function upsample(h: number, w: number): LimitCase {
  return {
    name: `upsampled to ${2 * h} x ${2 * w}`, numbers: 4 * h * w, fits: (mode) => 4 * h * w <= rowsOf(mode),
    run: (backend) => compute(backend, [pattern(h * w)], 4 * h * w,
      (y, [x]) => backend.kernels.upsampleNearest({ y }, { x }, { n: 1, h, w, c: 1, scale: 2 }, {}),
      (i) => Math.floor((i % (2 * w)) / 2) + Math.floor(i / (4 * w)) * w & 1023),
  };
}

/** A square image of one channel under a 3 x 3 filter whose taps tell their places apart. */
function convolution(side: number): LimitCase {
  const taps = Float32Array.from({ length: 9 }, (_, tap) => tap + 1);
  const attrs = { n: 1, h: side, w: side, cin: 1, cout: 1, kh: 3, kw: 3, stride: 1, pad: [1, 1, 1, 1] } as const;
  const inside = (at: number): boolean => at >= 0 && at < side;
  const expected = (i: number): number => {
    const [p, q] = [Math.floor(i / side), i % side];
    let sum = 0;
    for (let tap = 0; tap < 9; tap++) {
      const [r, t] = [p + Math.floor(tap / 3) - 1, q + tap % 3 - 1];
      if (inside(r) && inside(t)) sum += (r * side + t & 1023) * taps[tap];
    }
    return sum;
  };
  return {
    name: `convolved at ${side} x ${side}`, numbers: side * side, fits: (mode) => side * side <= rowsOf(mode),
    run: (backend) => compute(backend, [pattern(side * side), taps], side * side,
      (y, [x, w]) => backend.kernels.conv2d({ y }, { x, w }, attrs, {}), expected),
  };
}

function lineOf(n: number): LimitCase {
  return {
    name: `${n} numbers in a line`, numbers: n, fits: () => true,
    run: (backend) => compute(backend, [pattern(n)], n,
      (y, [x]) => backend.kernels.unary({ y }, { x }, { op: "affine", n }, { p: 2, q: 1 }), (i) => 2 * (i & 1023) + 1),
  };
}

function sumOf(count: number): LimitCase {
  const names = Array.from({ length: count }, (_, k) => `x${k}`);
  return {
    name: `${count} inputs of a kernel`, numbers: 1, fits: () => true,
    run: (backend) => compute(backend, names.map((_, k) => Float32Array.of(2 ** k)), 1, (y, arrays) => launch(y, {
      kernel: "sum", output: line(1), inputs: Object.fromEntries(names.map((name, k) => [name, [arrays[k], line(1)]])),
      body: `return ${names.map((name) => `${name}[index]`).join(" + ")};`,
    }), () => 2 ** count - 1),
  };
}

/** 0, 1, ... 1023, 0, ...: neighbours differ, also those a row apart, and sums are exact. */
const pattern = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => i & 1023);

/** The first of the n results that is not `expected`, in words. */
async function compute(
  backend: GpuBackend, inputs: readonly Float32Array[], n: number, run: (y: GpuArray, inputs: GpuArray[]) => void, expected: (i: number) => number,
): Promise<string | undefined> {
  const arrays: GpuArray[] = [];
  try {
    for (const values of inputs) arrays.push(backend.upload(values, [values.length], "f32"));
    const y = backend.allocate([n], "f32");
    arrays.push(y);
    run(y, arrays.slice(0, -1));
    const result = await backend.read(y);
    for (let i = 0; i < n; i++) if (result[i] !== expected(i)) return `element ${i} of ${n} is ${result[i]}, not ${expected(i)}`;
    return undefined;
  } finally {
    for (const array of arrays) backend.free(array);
  }
}
