/** What a sampler is: a path through levels of noise, and the step from one level to the next. Everything else is `runSampler`'s. */
import type { Tensor } from "@fromnoise/tensor";
import type { Fields } from "../config/fields.js";
import type { Denoised } from "../denoisers/denoiser.js";
import type { NoiseLevel } from "../process/level.js";
import type { Process } from "../process/process.js";
import type { VarianceKind } from "../process/schedules.js";

/** A step taken, x [N, ...] all at one level. The tensors are valid until the run is asked for the next step; clone what is to stay. */
export interface SamplerStep {
  /** The level of xt, and that of next. */
  readonly at: NoiseLevel;
  readonly to: NoiseLevel;
  readonly xt: Tensor;
  /** The guess of the clean image that the step used, and the noise that goes with it. */
  readonly x0: Tensor;
  readonly eps: Tensor;
  /** next = mean + sigma z, z ~ N(0, I); sigma is a tensor where the network says it for every element. */
  readonly mean: Tensor;
  readonly sigma: number | Tensor;
  readonly next: Tensor;
}

/** What a step may use. */
export interface StepContext<O> {
  /** What is known of x at a level; a step may ask several times, at levels of its own. */
  denoise(xt: Tensor, at: NoiseLevel): Denoised;
  readonly options: O;
  /** Variance of a reverse step that the model's maker chose. */
  readonly variance: VarianceKind;
  /** A level between those of the path, by its ln(alpha^2 / sigma^2). */
  levelAt(logSnr: number): NoiseLevel;
  /** Standard normal noise in the shape of x; every call is another draw. */
  noise(): Tensor;
}

/** A sampler: its options, the levels it goes through, and one step from a level to the next; S is what it remembers. */
export interface Sampler<O extends object = object, S = undefined> {
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  /** Its options with their defaults, checks and help: the flags of `fromnoise sample` are made from them. */
  readonly fields: Fields<O>;
  /**
   * The levels from the start to the end of a run: noise first, CLEAN last, unless it goes the other way. It may climb.
   * Throws ConfigError for options that do not fit the process.
   */
  path(process: Process, options: O): readonly NoiseLevel[];
  /**
   * The step from path[i] to path[i + 1]. Synchronous, in a scope of the run, which keeps what it returns and frees the rest; memory
   * comes back in the next step.
   */
  step(
    xt: Tensor, i: number, path: readonly NoiseLevel[], context: StepContext<O>, memory: S | undefined,
  ): SamplerStep | { readonly shown: SamplerStep; readonly memory: S };
}
