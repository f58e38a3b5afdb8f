/** Models as files of torch.save, for the programs that their networks come from. */
import { ConfigError } from "@fromnoise/tensor";
import { lucidrainsConfig, encodeTorchFile, type Saved } from "@fromnoise/nn";
import { checkValue, oneOf } from "@fromnoise/nn/kinds";
import { lossWeight } from "../../losses/weighting.js";
import { processOf } from "../../process/named.js";
import type { DiscreteProcess, Process } from "../../process/process.js";
import type { ModelFile } from "../model-format.js";

type Tables = Map<string, { shape: readonly number[]; data: Float32Array }>;

/**
 * The file of a model: of lucidrains' network { model, version } and where it is of a run step, `model` the state dict of a
 * GaussianDiffusion with its thirteen tables; of all others the state dict under the network's own names, which for a U-Net are diffusers'.
 * Throws ConfigError for a process or a prediction that GaussianDiffusion does not have.
 */
export function torchFileOf(model: Omit<ModelFile, "source">): ReturnType<typeof encodeTorchFile> {
  if (model.network.kind !== "lucidrains") return encodeTorchFile(model.tensors);
  const { era } = lucidrainsConfig(model.network.config);
  const network = [...model.tensors].map(([name, entry]) => [`model.${name}`, entry] as const);
  return encodeTorchFile(new Map<string, Saved>([
    ...(model.position === undefined ? [] : [["step", model.position.step] as const]),
    ["model", new Map<string, Saved>([...tablesOf(model), ...network])], ["version", /^\d+\.\d+$/.test(era) ? `${era}.0` : era],
  ]));
}

/** GaussianDiffusion's buffers, [T] each. */
function tablesOf({ process: options, prediction, training }: Omit<ModelFile, "source">): Tables {
  const process = processOf(options);
  const { timeScale = 1 } = options;
  if (!isDiscrete(process) || timeScale !== 1) throw new ConfigError(`lucidrains' GaussianDiffusion has no process ${options.name}`, ["allowed  schedules of steps, timeScale 1"]);
  checkValue(oneOf(["eps", "x0", "v"]), "lucidrains' GaussianDiffusion: prediction", prediction);
  const { schedule, levels } = process;
  const { betas, alphaBar, alphaBarPrev, sqrtAlphaBar, sqrtOneMinusAlphaBar, posteriorVariance, posteriorMeanCoef1, posteriorMeanCoef2 } = schedule;
  const { weighting = "snr", minSnrGamma = 5 } = training ?? {};
  const tables = {
    betas, alphas_cumprod: alphaBar, alphas_cumprod_prev: alphaBarPrev, sqrt_alphas_cumprod: sqrtAlphaBar,
    sqrt_one_minus_alphas_cumprod: sqrtOneMinusAlphaBar, log_one_minus_alphas_cumprod: alphaBar.map((a) => Math.log(1 - a)),
    sqrt_recip_alphas_cumprod: alphaBar.map((a) => Math.sqrt(1 / a)), sqrt_recipm1_alphas_cumprod: alphaBar.map((a) => Math.sqrt(1 / a - 1)),
    posterior_variance: posteriorVariance, posterior_log_variance_clipped: posteriorVariance.map((v) => Math.log(Math.max(v, 1e-20))),
    posterior_mean_coef1: posteriorMeanCoef1, posterior_mean_coef2: posteriorMeanCoef2,
    loss_weight: levels.map((level) => lossWeight(level, prediction, weighting === "simple" ? "snr" : weighting, minSnrGamma)),
  };
  return new Map(Object.entries(tables).map(([name, values]) => [name, { shape: [levels.length], data: Float32Array.from(values) }]));
}

function isDiscrete(process: Process): process is DiscreteProcess {
  return "schedule" in process;
}
