/** A page in which our devices and TensorFlow.js take turns at one training step. */
import { Device } from "@fromnoise/tensor";
// The backend itself: how many kernels it compiled is no business of a device.
import { openGpu } from "../../../packages/tensor/src/backends/gpu/index.js";
import { benchOf, titleOf } from "../cases.js";
import { deviceEngine } from "../device-engine.js";
import type { Engine, PeerContext } from "../engine.js";
import { maxError } from "../max-error.js";
import { sideBySideTable, type PageCase, type Entry } from "../side-by-side-table.js";
import { describeError, EngineStage, type Stage } from "../stage.js";
import { clockTimer } from "./page.js";
import { openPeer } from "./peer.js";
import { waitedByFences, watchGl } from "./wait-gl.js";

/** The module of TensorFlow.js in bench/peers/page. */
interface Tfjs { open(context: PeerContext): Promise<Engine>; turnTo(backend: string): Promise<boolean> }

/** One that takes part: what it is called, and how its turn begins. */
interface Contender { readonly name: string; open(): Promise<Opened> }
interface Opened { readonly engine: Engine; readonly compiled?: () => number; readonly turn?: () => Promise<unknown> }

const device = (mode: "webgpu" | "webgl2"): Contender => ({
  name: `gpu:${mode}`,
  async open() {
    const backend = await openGpu(mode);
    return { engine: deviceEngine(waitedByFences(Device.over("gpu", backend))), compiled: () => backend.compiledKernels() };
  },
});

/** All backends of TensorFlow.js share one library, which computes on the one it was turned to. */
const peer = (tfjs: Tfjs, backend: string): Contender => ({
  name: `tfjs:${backend}`,
  open: async () => ({ engine: await openPeer((context) => tfjs.open(context), `tfjs:${backend}`, 0), turn: () => tfjs.turnTo(backend) }),
});

interface Running { readonly stage: Stage; readonly entry: Entry; readonly turn: () => Promise<unknown> }

/** Reads the case from `case.json`, runs it, shows the table as it fills, and leaves the entries in `window.finished`. */
export async function compareInPage(tfjs: Tfjs): Promise<void> {
  watchGl();
  const pageCase = await (await fetch("case.json")).json() as PageCase;
  const entries: Entry[] = [];
  const show = (state: string): void => {
    document.getElementById("table")!.textContent = `${titleOf(pageCase.case)}: ${state}\n\n${sideBySideTable(entries)}`;
  };
  const running: Running[] = [];
  for (const contender of [device("webgpu"), peer(tfjs, "webgpu"), device("webgl2"), peer(tfjs, "webgl")]) {
    show(`preparing ${contender.name}`);
    const entry: Entry = { name: contender.name, description: "", kernels: null, first_ms: null, error: null, rounds_ms: [], note: "" };
    entries.push(entry);
    const prepared = await prepare(contender, entry, pageCase).catch((error: unknown) => void (entry.note = describeError(error)));
    if (prepared !== undefined) running.push(prepared);
  }
  for (let round = 0; round < pageCase.rounds; round++) {
    for (let i = 0; i < running.length; i++) {
      show(`round ${round + 1} of ${pageCase.rounds}`);
      const { stage, entry, turn } = running[(i + round) % running.length]; // none always follows the same neighbour
      await turn();
      await stage.warmUp(0); // SwiftShader takes seconds more for the first step after that of another GL context
      entry.rounds_ms.push(...await stage.sample(0));
    }
  }
  show("done");
  Object.assign(window, { finished: entries });
}

/** Opens, checks and warms a contender; undefined, with a note in its entry, where it computes something else than the reference. */
async function prepare(contender: Contender, entry: Entry, { case: c, reference }: PageCase): Promise<Running | undefined> {
  const { engine, compiled, turn = () => Promise.resolve() } = await contender.open();
  const stage = new EngineStage(engine, clockTimer);
  entry.description = stage.description;
  const { first_ms, results } = await stage.setup(c.bench, c.shape);
  entry.first_ms = first_ms;
  entry.kernels = compiled?.() ?? null;
  entry.error = maxError(results, reference.map((values) => Float64Array.from(values)));
  const { tolerance } = benchOf(c.bench);
  if (entry.error > tolerance) {
    entry.note = `wrong: error ${entry.error.toExponential(1)} is above ${tolerance}; not timed`;
    return undefined;
  }
  await stage.warmUp(0);
  return { stage, entry, turn };
}
