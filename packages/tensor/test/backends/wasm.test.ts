/** Holds what every build of the wasm device computes to the table of conformance.ts, whose describeConformance makes the tests and asserts in them. */
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import { fusedKernels, type FusedKernelName } from "../../src/kernels/contract.js";
import { openWasm } from "../../src/backends/wasm/index.js";
import { describeConformance, type ConformanceOptions } from "./conformance.js";
import { noRevectorizer, usualBuild } from "./wasm/builds.js";
import { wasmTolerance } from "./wasm/tolerance.js";

const fused = Object.keys(fusedKernels) as FusedKernelName[];
const threads = availableParallelism();

const fast: ConformanceOptions = { dtype: "f32", tolerance: wasmTolerance("fast"), fused };
const exact: ConformanceOptions = { dtype: "f32", tolerance: wasmTolerance("exact"), fused };

describeConformance(`wasm, ${usualBuild}, 1 thread, fast`, () => openWasm({ threads: 1 }), fast);
describeConformance(`wasm, ${usualBuild}, 2 threads, fast`, () => openWasm({ threads: 2 }), fast);
describeConformance(`wasm, ${usualBuild}, all cores, exact`, () => openWasm({ threads, precision: "exact" }), exact);
describeConformance("wasm, base SIMD, deterministic", () => openWasm({ threads: 1, deterministic: true }), fast);

describe("with all code from V8's optimising compiler, of which the revectorizer is a part", () => {
  before(() => setFlagsFromString("--no-liftoff"));
  after(() => setFlagsFromString("--liftoff"));

  if (noRevectorizer !== undefined) return void it(`revectorized SIMD is left out: ${noRevectorizer}`);
  const revectorize = true;
  describeConformance("wasm, revectorized SIMD, 1 thread, fast", () => openWasm({ threads: 1, revectorize }), fast);
  describeConformance("wasm, revectorized SIMD, all cores, exact", () => openWasm({ threads, revectorize, precision: "exact" }), exact);
});
