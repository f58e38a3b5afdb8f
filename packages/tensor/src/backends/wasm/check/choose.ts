/** Which build a device gets, and what its description says of it. */
import { platform } from "#platform";
import { DeviceError } from "../../../core/errors.js";
import { hasRelaxedSimd, loadModule, loadOptimised, variantNames, type Variant } from "../machine/loader.js";
import type { WasmModule } from "../machine/host.js";
import type { MultiplyAdds } from "./multiply-adds.js";
import type { KernelsOn } from "./run-trials.js";
import { relaxedBuild, revectorizedBuild, verdictOn, type Candidate, type Verdict } from "./verdict.js";

/** false: builds that need no flag of the engine; true: the revectorized one or an error; "auto": the best that is there and right. */
export type Revectorize = boolean | "auto";

export interface BuildOptions {
  readonly deterministic: boolean;
  readonly revectorize: Revectorize;
  /** How multiply-adds are to be rounded where that can be had; "unflagged" is as this engine does without flags. */
  readonly multiplyAdds?: MultiplyAdds | "unflagged" | undefined;
  readonly shared: boolean;
  readonly kernelsOn: KernelsOn;
}

export interface ChosenBuild {
  readonly variant: Variant;
  readonly module: WasmModule;
  readonly name: string;
  /** Why it is no other, where another could be expected. */
  readonly note?: string;
}

/** V8 whose revectorizer the builds are made for: that of Node 24. */
const REVECTORIZING = 13;
const versionOf = (engine: string): number => Number(/ (\d+)/.exec(engine)?.[1]);
/** "V8 13.6" of "V8 13.6.233.17". */
const shortName = (engine: string): string => /^\S+ \d+\.\d+/.exec(engine)?.[0] ?? engine;

/** Why this machine has no revectorizer; undefined where it may have one. */
function withoutRevectorizer(): string | undefined {
  const { engine, architecture } = platform;
  if (engine === undefined) return "a page cannot set flags of the engine";
  if (architecture !== "x64") return architecture;
  return versionOf(engine) < REVECTORIZING ? `${shortName(engine)} has no revectorizer` : undefined;
}

/** The check's verdict on a build; `fault` also where it could not be carried out. */
async function tried(candidate: Candidate, kernelsOn: KernelsOn): Promise<Verdict> {
  try {
    return await verdictOn(candidate, kernelsOn);
  } catch (error) {
    if (error instanceof DeviceError) return { fault: error.summary };
    throw error;
  }
}

const plain = async (variant: Variant, shared: boolean, note?: string): Promise<ChosenBuild> =>
  ({ variant, module: await loadModule(variant, shared), name: variantNames[variant], ...(note === undefined ? {} : { note }) });

const flagged = ({ variant, experiment }: Candidate, shared: boolean, name: string, note?: string): ChosenBuild =>
  ({ variant, module: loadOptimised(variant, shared, experiment), name, ...(note === undefined ? {} : { note }) });

const factor = (speedUp: number): string => `${speedUp.toFixed(1)}x`;
const revectorizedName = (speedUp: number): string => `${variantNames.revectorized} (${factor(speedUp)} ${variantNames.relaxed})`;

/** The build for a device. Throws DeviceError where the engine has no SIMD, or `revectorize` is true and cannot be had. */
export async function chooseBuild({ deterministic, revectorize, multiplyAdds, shared, kernelsOn }: BuildOptions): Promise<ChosenBuild> {
  const relaxed = hasRelaxedSimd();
  if (deterministic) return plain("base", shared);
  if (revectorize === true) return askedFor(shared, kernelsOn);
  if (multiplyAdds === "separate" || (multiplyAdds === "unflagged" && !relaxed)) {
    return plain("base", shared, revectorize === "auto" ? "as the run began" : undefined);
  }
  if (revectorize === false) return plain(relaxed ? "relaxed" : "base", shared);
  return relaxed ? bestOf(shared, kernelsOn) : relaxedByFlag(shared, kernelsOn);
}

/** The revectorized build: it was asked for, so nothing else takes its place. */
async function askedFor(shared: boolean, kernelsOn: KernelsOn): Promise<ChosenBuild> {
  const missing = withoutRevectorizer();
  if (platform.engine === undefined) throw new DeviceError("wasm: revectorize is a flag of Node's engine, which a page cannot set");
  if (missing !== undefined) {
    throw new DeviceError("wasm: there is no revectorizer here", [`found    ${missing}`, "needed   Node 24 or later, on x86-64 with AVX2"]);
  }
  const verdict = await verdictOn(revectorizedBuild, kernelsOn);
  if ("fault" in verdict) {
    throw new DeviceError("wasm: the revectorizer of this engine computes wrong numbers; open the device without it", [verdict.fault]);
  }
  if (verdict.speedUp < 1) {
    throw new DeviceError("wasm: the revectorizer of this engine makes the device slower; open the device without it", [
      `measured ${verdict.speedUp.toFixed(2)} of the speed of the ${variantNames.relaxed} build`, "needed   Node 24 or later, on x86-64 with AVX2",
    ]);
  }
  return flagged(revectorizedBuild, shared, revectorizedName(verdict.speedUp));
}

/** Where relaxed SIMD is there without a flag: revectorized where that is right and faster. Either has the same bits. */
async function bestOf(shared: boolean, kernelsOn: KernelsOn): Promise<ChosenBuild> {
  const missing = withoutRevectorizer();
  if (missing !== undefined) return plain("relaxed", shared, `not revectorized: ${missing}`);
  const verdict = await tried(revectorizedBuild, kernelsOn);
  if ("fault" in verdict) return plain("relaxed", shared, `not revectorized: failed its check: ${verdict.fault}`);
  if (verdict.speedUp < 1) return plain("relaxed", shared, `not revectorized: slower here, ${verdict.speedUp.toFixed(2)}x`);
  return flagged(revectorizedBuild, shared, revectorizedName(verdict.speedUp));
}

/**
 * Where it is behind a flag (Node 20): relaxed SIMD where that is right and fuses multiply-adds. Its bits are others than those of
 * base, so that speed, which a noisy machine may measure one way today and another tomorrow, has no say.
 */
async function relaxedByFlag(shared: boolean, kernelsOn: KernelsOn): Promise<ChosenBuild> {
  const why = withoutRevectorizer() ?? "no relaxed SIMD without a flag";
  if (platform.engine === undefined) return plain("base", shared, `not relaxed: ${why}`);
  const verdict = await tried(relaxedBuild, kernelsOn);
  if ("fault" in verdict) return plain("base", shared, `not relaxed: failed its check: ${verdict.fault}`);
  if (!verdict.fused) return plain("base", shared, "not relaxed: this processor has no fused multiply-add");
  return flagged(relaxedBuild, shared, `${variantNames.relaxed} by a flag of V8`, `not revectorized: ${why}`);
}
