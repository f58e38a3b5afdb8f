/** What peers compute on. */
import { openDevice } from "@fromnoise/tensor";
import { benchOf } from "./cases.js";
import type { BenchName, BenchShape, ModelShape } from "./bench.js";
import type { NamedArray, PeerContext } from "./engine.js";
import { valuesOf } from "./kernel-benches.js";
import { modelBatch, modelNetwork } from "./model-benches.js";

/** For a module of bench/peers. */
export function peerContext(backend: string, threads: number): PeerContext {
  return { threads, backend, inputs: inputsOf, parameters: parametersOf, batch: batchOf };
}

/** The inputs of a kernel bench in f32. */
export function inputsOf(bench: BenchName, shape: BenchShape): Record<string, NamedArray> {
  return Object.fromEntries(Object.entries(benchOf(bench).inputs!(shape)).map(
    ([name, input]) => [name, { name, shape: input.shape, values: Float32Array.from(valuesOf(input)) }],
  ));
}

async function parametersOf(shape: ModelShape): Promise<NamedArray[]> {
  const { parameters } = modelNetwork(shape, await openDevice("reference"), "f32");
  return Promise.all(parameters.map(async (p) => {
    return { name: p.name, shape: p.shape, values: await p.tensor.data() as Float32Array };
  }));
}

function batchOf(model: ModelShape): ReturnType<PeerContext["batch"]> {
  const { shape, x, target, timesteps } = modelBatch(model);
  return { shape, x: Float32Array.from(x), target: Float32Array.from(target), timesteps };
}
