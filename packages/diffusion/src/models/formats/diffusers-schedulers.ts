/**
 * The schedulers of diffusers that are read, and why others are not. A scheduler is read for what its networks were trained on, whether
 * its way of sampling is here or not.
 */
import { ConfigError } from "@fromnoise/tensor";

export interface SchedulerForm {
  /** The process that its networks are trained on: steps of a schedule, rectified flow, EDM's. */
  readonly process: "steps" | "flow" | "edm";
  /** Whether it clips x0 where it does not say so; absent where it never does. */
  readonly clips?: boolean;
  /** Whether it knows dynamic thresholding. */
  readonly thresholds?: true;
  /** The eps that goes with a clipped x0, where it is the network's. */
  readonly eps?: "keep";
  /** Whether it rescales betas to end without signal where it is told to. */
  readonly rescales?: true;
  /** Whether it says the variance of steps. */
  readonly variance?: true;
  /** beta_start and beta_end where it does not say them; default 1e-4 and 0.02. */
  readonly betas?: readonly [start: number, end: number];
  /** Fields that change what the network is told or has learned, of which only these values are implemented. */
  readonly only?: Readonly<Record<string, unknown>>;
}

const vp = { use_flow_sigmas: false };
const karras = [0.00085, 0.012] as const;
const edm = { sigma_min: 0.002, sigma_max: 80, prediction_type: "epsilon" };

export const schedulerForms: Readonly<Record<string, SchedulerForm>> = {
  DDPMScheduler: { process: "steps", rescales: true, clips: true, thresholds: true, variance: true },
  DDIMScheduler: { process: "steps", rescales: true, clips: true, thresholds: true, eps: "keep" },
  DPMSolverMultistepScheduler: { process: "steps", rescales: true, thresholds: true, variance: true, only: vp },
  DPMSolverSinglestepScheduler: { process: "steps", thresholds: true, variance: true, only: vp },
  DPMSolverSDEScheduler: { process: "steps", betas: karras },
  UniPCMultistepScheduler: { process: "steps", rescales: true, thresholds: true, only: vp },
  DEISMultistepScheduler: { process: "steps", thresholds: true, only: vp },
  EulerDiscreteScheduler: { process: "steps", rescales: true, only: { timestep_type: "discrete" } },
  EulerAncestralDiscreteScheduler: { process: "steps", rescales: true },
  HeunDiscreteScheduler: { process: "steps", clips: false, betas: karras },
  KDPM2DiscreteScheduler: { process: "steps", betas: karras },
  KDPM2AncestralDiscreteScheduler: { process: "steps", betas: karras },
  LMSDiscreteScheduler: { process: "steps" },
  PNDMScheduler: { process: "steps" },
  FlowMatchEulerDiscreteScheduler: { process: "flow", only: { num_train_timesteps: 1000, invert_sigmas: false } },
  EDMEulerScheduler: { process: "edm", only: edm },
  EDMDPMSolverMultistepScheduler: { process: "edm", thresholds: true, only: edm },
};

/** Schedulers whose networks learned something else. */
export const otherSchedulers: Readonly<Record<string, string>> = {
  ScoreSdeVeScheduler: "its networks are told sigma of a process that grows by the power of sigma",
  ScoreSdeVpScheduler: "its networks are told the time of a stochastic differential equation",
  KarrasVeScheduler: "its networks are told sigma itself",
  CMStochasticIterativeScheduler: "its networks are consistency models, which say the end of a path",
  LCMScheduler: "its networks are consistency models, distilled",
  TCDScheduler: "its networks are consistency models, distilled",
  SCMScheduler: "its networks are consistency models, distilled",
  FlowMatchLCMScheduler: "its networks are consistency models, distilled",
  VQDiffusionScheduler: "its networks say classes, not numbers",
  UnCLIPScheduler: "its networks are told an image's embedding",
  DDPMWuerstchenScheduler: "its networks are told the ratio of a cosine schedule",
};

/** The form of a scheduler. Throws ConfigError for one that is not read, naming it, and why where that is known. */
export function formOf(name: unknown, path: string): SchedulerForm {
  if (typeof name === "string" && Object.hasOwn(schedulerForms, name)) return schedulerForms[name];
  const reason = typeof name === "string" && Object.hasOwn(otherSchedulers, name) ? [`reason   ${otherSchedulers[name]}`] : [];
  // No stub: a refusal by name, docs/library/errors.md.
  throw new ConfigError(`${path}: the scheduler ${JSON.stringify(name)} is not implemented`, [
    ...reason, `allowed  ${Object.keys(schedulerForms).join(", ")}`,
  ]);
}
