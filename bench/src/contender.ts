/** Who takes part: our devices by device string, and peers. */
import { availableParallelism } from "node:os";
import { ConfigError, parseDevice } from "@fromnoise/tensor";
import type { BenchName } from "./bench.js";
import type { PageName } from "./pages.js";
import { labelOf } from "./rows.js";

export interface Contender {
  /** How rows name it; see Row. */
  readonly device: string;
  readonly peer: string | null;
  readonly threads: number;
  /** What its process opens: a device string, a peer and its backend, or the file: URL of a module with `openEngine()`. */
  readonly spec: string;
  /** The page that it works in, where it works in Chromium. */
  readonly page?: PageName;
  /** False for benches in which it would compute what another contender does. */
  readonly takes: (bench: BenchName) => boolean;
}

export const label = (contender: Contender): string => labelOf(contender);

const everything = (): boolean => true;
const convolves = (bench: BenchName): boolean => /conv2d|unet|demo/.test(bench);

/** Backends of each peer, those that take part only when they are named, and whether it uses several threads. */
const peerBackends: Record<string, { backends: readonly string[]; onRequest?: readonly string[]; threaded: boolean }> = {
  js: { backends: ["cpu"], threaded: false },
  torch: { backends: ["cpu"], onRequest: ["cuda"], threaded: true },
  onnxruntime: { backends: ["cpu"], threaded: true },
  tfjs: { backends: ["wasm", "cpu", "webgl", "webgpu"], threaded: false },
  jax: { backends: ["wasm", "webgpu"], threaded: false },
};
/** Where the backends of peers compute that Node does not have. */
const IN_CHROMIUM: readonly string[] = ["webgl", "webgpu"];
export const peerNames: readonly string[] = Object.keys(peerBackends);

/** 1 and all cores. */
export const defaultThreads: readonly number[] = [...new Set([1, availableParallelism()])];

const GPU_MODES = ["webgpu", "headlessgl", "webasm", "cpu"];

/** What stands before the device string of a device in Chromium. */
const PREFIX = "chromium/";
const CHROMIUM_DEVICES = ["gpu:webgpu", "gpu:webgl2"].map((spec) => PREFIX + spec);

/** A device string without the place where it computes. */
export const withoutPlace = (spec: string): string => (spec.startsWith(PREFIX) ? spec.slice(PREFIX.length) : spec);

/**
 * Devices when none is named: wasm without flags of the engine in its modes (exact differs in convolutions only), wasm as the
 * `fromnoise` command opens it on this Node, and in a full run the reference and the modes of gpu that Node and Chromium may have.
 */
function defaultDevices(quick: boolean): { spec: string; takes: Contender["takes"] }[] {
  return [
    { spec: "wasm", takes: everything },
    { spec: "wasm:exact", takes: convolves },
    { spec: "wasm:revectorize=auto", takes: everything },
    ...(quick ? [] : ["reference", ...GPU_MODES.map((mode) => `gpu:${mode}`), ...CHROMIUM_DEVICES].map((spec) => ({ spec, takes: everything }))),
  ];
}

/** Our devices: those named, else the default ones; wasm once for each thread count unless its string says how many. */
export function deviceContenders(specs: readonly string[], threads: readonly number[], quick: boolean): Contender[] {
  const chosen = specs.length > 0 ? specs.map((spec) => ({ spec, takes: everything })) : defaultDevices(quick);
  return chosen.flatMap(({ spec: text, takes }) => {
    const spec = withoutPlace(text), place = text === spec ? {} : { page: "device" as const };
    const { name, options } = parseDevice(spec);
    const given = (options as { threads?: number }).threads;
    if (name !== "wasm") return [{ device: text, peer: null, threads: name === "reference" ? 1 : 0, spec, takes, ...place }];
    const device = text.replace(/,?threads=\d+/, "").replace(/:,/, ":").replace(/:$/, "");
    return (given === undefined ? threads : [given]).map((count) => ({
      device, peer: null, threads: count, takes, ...place,
      spec: given === undefined ? `${spec}${spec.includes(":") ? "," : ":"}threads=${count}` : spec,
    }));
  });
}

const backendsOf = ({ backends, onRequest = [] }: (typeof peerBackends)[string]): string[] => [...backends, ...onRequest];

/** Peers `name` (all its backends but those on request) or `name:backend`. Throws ConfigError for an unknown one. */
export function peerContenders(names: readonly string[], threads: readonly number[]): Contender[] {
  return names.flatMap((text) => {
    const [name, backend] = text.split(":");
    const known = peerBackends[name];
    if (known === undefined || (backend !== undefined && !backendsOf(known).includes(backend))) {
      const pairs = Object.entries(peerBackends).flatMap(([peer, its]) => backendsOf(its).map((device) => `${peer}:${device}`));
      throw new ConfigError(`--peers: "${text}" is not allowed`, [`allowed  none, all, ${[...peerNames, ...pairs].join(", ")}`]);
    }
    const backends = backend === undefined ? known.backends : [backend];
    return backends.flatMap((device): Contender[] => {
      const rest = { device, peer: name, spec: `${name}:${device}`, takes: everything };
      if (IN_CHROMIUM.includes(device)) return [{ ...rest, threads: 0, page: name as PageName }];
      if (known.onRequest?.includes(device)) return [{ ...rest, threads: 0 }]; // a GPU's
      return (known.threaded ? threads : [1]).map((count) => ({ ...rest, threads: count }));
    });
  });
}
