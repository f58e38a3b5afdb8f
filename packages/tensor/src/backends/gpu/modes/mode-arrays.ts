/** gpu.js's own CPU modes, `cpu` and `webasm`: an array is a Float32Array, and a kernel has run when its call returns. */
import type { GpuInstance, GpuJs, GpuKernel } from "../engine/gpu-js.js";
import type { Mode } from "./mode.js";
import { elements, EXACT, isLine, isQuads, type Space } from "../engine/space.js";

/** Threads of a kernel, as gpu.js takes them: the columns first. */
export const threads = (space: Space): number[] => (isLine(space) ? [space[0]] : [space[1], space[0]]);

/** Sizes of an array, likewise; quads are addressed in a line. */
export const gpuSize = (space: Space): number[] => (isQuads(space) ? [elements(space)] : threads(space));

/**
 * Settings all modes share: results stay where they are, every call gives a new one, and no loop is cut short (gpu.js stops loops
 * whose bound is not a literal after 1000 rounds unless told otherwise).
 */
export const SETTINGS = { pipeline: true, immutable: true, precision: "single", tactic: "precision", loopMaxIterations: 2 ** 30 } as const;

export function openArrayMode(gpuJs: GpuJs, gpu: GpuInstance, name: "cpu" | "webasm"): Mode<Float32Array> {
  let live = 0;
  return {
    name,
    description: `gpu.js ${name}: no GPU, ${name === "cpu" ? "plain JavaScript" : "WebAssembly"}, one thread`,
    indexing: "linear",
    limits: { elements: EXACT, side: EXACT, inputs: 7 },
    dynamic: false,
    lanes: 1,
    createKernel: (javascript, output) => gpu.createKernel(javascript, { ...SETTINGS, output: threads(output) }),
    hostArgument: (values) => new gpuJs.Input(values, [values.length]),
    argument: (values, space) => new gpuJs.Input(values, gpuSize(space)),
    run(kernel: GpuKernel, args, output) {
      live++;
      return flatten(kernel(...args) as Nested, output);
    },
    read: (values) => values.slice(),
    free: () => void live--,
    sync: () => undefined,
    live: () => live,
    dispose: () => gpu.destroy(),
  };
}

type Nested = Float32Array | Nested[];

/** A line as it is; rows, which gpu.js gives one by one, in one array: the one they are windows on, where it is one. */
function flatten(result: Nested, space: Space): Float32Array {
  if (result instanceof Float32Array) return result;
  const n = elements(space);
  if (!isQuads(space)) {
    const { buffer } = result[0] as Float32Array;
    if (buffer.byteLength === 4 * n) return new Float32Array(buffer);
  }
  const parts = result.flat() as Float32Array[]; // rows, or the quads of all rows
  const flat = new Float32Array(n);
  parts.forEach((part, i) => flat.set(part, i * part.length));
  return flat;
}
