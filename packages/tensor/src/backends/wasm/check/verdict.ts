/**
 * Whether a build that needs code of V8 in its test phase can be trusted on this machine: what trials of all kernels say, kept for
 * the next program, as long as engine, processor and builds are the same.
 */
import { platform } from "#platform";
import { builds, loadOptimised, type Experiment, type Variant } from "../machine/loader.js";
import { Machine } from "../machine/machine.js";
import { Memory } from "../machine/memory.js";
import { multiplyAddsOf } from "./multiply-adds.js";
import { differenceOf, type KernelsOn } from "./run-trials.js";
import { speedUpOver } from "./speed.js";

/** A build to be checked. */
export interface Candidate {
  readonly variant: Variant;
  readonly experiment: Experiment;
  /** The build that needs no flag and gives the results to compare with. */
  readonly right: Variant;
  /** What results may differ by, as a part of their largest number: 0 where both builds round alike. */
  readonly tolerance: number;
}

/** The revectorizer changes no bit of what the relaxed build computes. */
export const revectorizedBuild: Candidate = {
  variant: "revectorized", experiment: "experimental-wasm-revectorize", right: "relaxed", tolerance: 0,
};
/** Fused multiply-adds change last bits, and F(4x4, 3x3) loses a few digits by either. */
export const relaxedBuild: Candidate = {
  variant: "relaxed", experiment: "experimental-wasm-relaxed-simd", right: "base", tolerance: 3e-5,
};

/** `fault` says where results are wrong. Only the revectorized build, which has the bits of another, is judged by its speed. */
export type Verdict =
  | { readonly fault: string }
  | { readonly fused: boolean; readonly speedUp: number };

/** What the verdict depends on. */
const keyOf = ({ variant, right }: Candidate): string =>
  JSON.stringify(["wasm check 1", platform.engine, platform.machine(), builds[variant].base64, builds[right].base64]);

function parseVerdict(text: string): Verdict | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { fault, fused, speedUp } = value as Record<string, unknown>;
  if (typeof fault === "string") return { fault };
  return typeof fused === "boolean" && typeof speedUp === "number" && speedUp > 0 ? { fused, speedUp } : undefined;
}

/** What the trials say of two machines of one thread. */
export function judge(tested: Machine, right: Machine, kernelsOn: KernelsOn, tolerance: number): Verdict {
  const fault = differenceOf(tested, right, kernelsOn, tolerance);
  if (fault !== undefined) return { fault };
  return { fused: multiplyAddsOf(tested, kernelsOn) === "fused", speedUp: speedUpOver(right, tested, kernelsOn) };
}

/** Checks a build, or tells what an earlier check of the same found. Throws DeviceError where there is no room to check it. */
export async function verdictOn(candidate: Candidate, kernelsOn: KernelsOn): Promise<Verdict> {
  const key = keyOf(candidate);
  const kept = platform.recall(key), known = kept === undefined ? undefined : parseVerdict(kept);
  if (known !== undefined) return known;
  const start = async (variant: Variant, experiment?: Experiment): Promise<Machine> =>
    Machine.start(loadOptimised(variant, false, experiment), new Memory(false), 1, TRIAL_SHARES);
  const right = await start(candidate.right), tested = await start(candidate.variant, candidate.experiment);
  const verdict = judge(tested, right, kernelsOn, candidate.tolerance);
  platform.keep(key, `${JSON.stringify(verdict)}\n`);
  return verdict;
}

/** Kernels that share work out by images do so for two threads, so that both of their ways are tried on one. */
export const TRIAL_SHARES = 2;
