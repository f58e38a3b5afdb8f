/** Peers that are JavaScript: the plain loops of this folder, and the libraries in bench/peers. */
import { existsSync } from "node:fs";
import { ConfigError, openDevice } from "@fromnoise/tensor";
import { benchOf } from "./cases.js";
import type { BenchName, BenchShape, ModelShape } from "./bench.js";
import type { Engine, NamedArray, PeerContext } from "./engine.js";
import { valuesOf } from "./kernel-benches.js";
import { modelBatch, modelNetwork } from "./model-benches.js";
import { naiveEngine } from "./naive.js";

/** Engine of a peer `name[:backend]`. Throws ConfigError where it is not installed. */
export async function openPeerEngine(spec: string, threads: number): Promise<Engine> {
  const [name, backend = ""] = spec.split(":");
  if (name === "js") return naiveEngine;
  const file = new URL(`../peers/${name}.mjs`, import.meta.url);
  if (!existsSync(new URL("../peers/node_modules", import.meta.url))) {
    throw new ConfigError(`${name} is not installed`, ["install  npm run bench:peers"]);
  }
  const { open } = await import(file.href) as { open: (context: PeerContext) => Promise<Engine> };
  return open({ threads, backend, inputs: inputsOf, parameters: parametersOf, batch: batchOf });
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
