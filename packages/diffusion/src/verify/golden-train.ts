import {
  ConfigError, goldenError, listAt, numberAt, objectAt, ownField, tensor, textAt, type GoldenFields, type Tensor,
} from "@fromnoise/tensor";
import {
  Adam, AdamW, Grads, checkGolden, clipCoefficient, disposeParameters, globalNorm, goldenFill, goldenFillOf, goldenUNet, initialize, isLucidrainsConfig,
  loadGoldenParameters, toChannelsLast, type Golden, type GoldenRow, type Network, type VerifyOptions,
} from "@fromnoise/nn";
import { integer } from "@fromnoise/nn/kinds";
import { predictions } from "../denoisers/prediction.js";
import { mseLoss } from "../losses/mse.js";
import { discreteProcess, type DiscreteProcess } from "../process/process.js";
import { trainingStep } from "../train/training-step.js";

/** A golden file of kind "train": some steps of Algorithm 1 with closed-form images, noise and timesteps. */
export interface TrainGolden extends Golden {
  readonly config: Readonly<Record<string, unknown>>;
  readonly batch: number;
  readonly schedule: {
    readonly name: string; readonly beta_start: number; readonly beta_end: number; readonly timesteps: number;
  };
  readonly objective: string;
  readonly optimizer: {
    readonly name: string; readonly lr: number; readonly betas: readonly [number, number]; readonly eps: number;
    readonly weight_decay?: number;
    /** Largest norm of the gradient; no clipping without it. */
    readonly clip?: number | null;
  };
  readonly steps: readonly { readonly loss: number; readonly grad_norm: number }[];
  readonly final_l2: Readonly<Record<string, number>>;
}

/** Most images of a batch in a file. */
const MOST_IMAGES = 1024;
/** Most values of a batch. */
const MOST_VALUES = 2 ** 26;

/**
 * Repeats the training of a golden file on a device and compares by |difference| / |reference| the loss and the norm of the
 * gradient (before clipping) of every step, and the norm of every parameter after the last. Step s = 0, 1, ... uses
 * x0 = tanh(fill(300 + s, 1.5, 0)), eps = fill(600 + s, 1.4, 0), t_i = (37 s + 251 i) mod timesteps and
 * loss = mean((epsTheta - eps)^2).
 * Throws ConfigError for another file, network, schedule, objective or optimiser, and where a field is not what it has to be, CheckpointError for other parameters,
 * DeviceError for a dtype the device lacks.
 */
export async function verifyTraining(file: TrainGolden, { device, dtype }: VerifyOptions): Promise<GoldenRow[]> {
  const golden = trainGoldenOf(file);
  const process = processOf(golden);
  const loss = mseLoss({ prediction: predictions.eps });
  const unet = initialize(goldenUNet(golden.config, Object.keys(golden.final_l2)), { device, dtype, seed: 0 });
  try {
    loadGoldenParameters(unet, Object.keys(golden.final_l2), golden.fill);
    const optimizer = optimizerOf(golden, unet);
    const grads = new Grads(device);
    const rows: GoldenRow[] = [];
    for (const [s, expected] of golden.steps.entries()) {
      const { x0, eps, shape, timesteps } = batchOf(golden, unet, process.schedule.T, s);
      const upload = (values: Float64Array): Tensor => tensor(values, { device, dtype, shape });
      const made = device.scope(() => {
        const draws = { levels: () => timesteps.map((t) => process.at(t)), noise: () => upload(eps) };
        return { ...trainingStep({ network: unet, process, loss, draws }, { x0: upload(x0) }, grads), norm: globalNorm(grads) };
      });
      const { norm } = made;
      const gradNorm = await norm.item();
      rows.push(
        { name: `step ${s}`, quantity: "loss", error: relative(await made.loss.item(), expected.loss) },
        { name: `step ${s}`, quantity: "grad_norm", error: relative(gradNorm, expected.grad_norm) },
      );
      const { clip } = golden.optimizer;
      optimizer.step(grads, { gradScale: clip === undefined || clip === null ? 1 : clipCoefficient(gradNorm, clip) });
      for (const t of [made.loss, made.perImage, norm]) t.dispose();
      grads.clear();
    }
    for (const p of unet.parameters) {
      const squares = Float64Array.from(await p.tensor.data()).reduce((sum, value) => sum + value * value, 0);
      rows.push({ name: p.name, quantity: "final_l2", error: relative(Math.sqrt(squares), golden.final_l2[p.name]) });
    }
    optimizer.dispose();
    return rows;
  } finally {
    disposeParameters(unet);
  }
}

/** The fields of a file of kind "train", checked one by one. */
function trainGoldenOf(file: TrainGolden): TrainGolden {
  checkGolden(file, "train");
  const fields = file as unknown as GoldenFields;
  const objectOf = (name: string): GoldenFields => objectAt(ownField(fields, name), name);
  const numberOf = (from: GoldenFields, where: string, name: string): number => numberAt(ownField(from, name), `${where}.${name}`);
  const schedule = objectOf("schedule"), optimizer = objectOf("optimizer"), norms = objectOf("final_l2");
  const batch = ownField(fields, "batch");
  if (!integer({ from: 1, to: MOST_IMAGES }).fits(batch)) throw goldenError("batch", batch, `whole numbers from 1 to ${MOST_IMAGES}`);
  const betas = listAt(ownField(optimizer, "betas"), "optimizer.betas");
  if (betas.length !== 2) throw goldenError("optimizer.betas", betas, "two numbers");
  const clip = ownField(optimizer, "clip");
  const steps = listAt(ownField(fields, "steps"), "steps");
  if (steps.length === 0) throw goldenError("steps", steps, "one step or more: a file without any compares nothing");
  return {
    format: file.format, kind: file.kind, fill: goldenFillOf(ownField(fields, "fill")), config: objectOf("config"), batch,
    schedule: {
      name: textAt(ownField(schedule, "name"), "schedule.name"), beta_start: numberOf(schedule, "schedule", "beta_start"),
      beta_end: numberOf(schedule, "schedule", "beta_end"), timesteps: numberOf(schedule, "schedule", "timesteps"),
    },
    objective: textAt(ownField(fields, "objective"), "objective"),
    optimizer: {
      name: textAt(ownField(optimizer, "name"), "optimizer.name"), lr: numberOf(optimizer, "optimizer", "lr"),
      betas: [numberAt(betas[0], "optimizer.betas[0]"), numberAt(betas[1], "optimizer.betas[1]")], eps: numberOf(optimizer, "optimizer", "eps"),
      ...(ownField(optimizer, "weight_decay") === undefined ? {} : { weight_decay: numberOf(optimizer, "optimizer", "weight_decay") }),
      clip: clip === undefined || clip === null ? null : numberAt(clip, "optimizer.clip"),
    },
    steps: steps.map((step, s) => {
      const inner = objectAt(step, `steps[${s}]`);
      return { loss: numberOf(inner, `steps[${s}]`, "loss"), grad_norm: numberOf(inner, `steps[${s}]`, "grad_norm") };
    }),
    final_l2: Object.fromEntries(Object.keys(norms).map((name) => [name, numberOf(norms, "final_l2", name)])),
  };
}

/** Images and noise, channels last, and where each image stands. */
function batchOf(
  { fill, batch, config }: TrainGolden, unet: Network, T: number, s: number,
): { x0: Float64Array; eps: Float64Array; shape: [number, number, number, number]; timesteps: number[] } {
  const sample = unet.spec.sample.filter((side) => side !== null);
  if (sample.length < 3) {
    const problem = isLucidrainsConfig(config) ? "image_size" : "sample_size";
    throw new ConfigError(`golden file: the config has no ${problem}`, [`config   ${JSON.stringify(config)}`]);
  }
  const [h, w, channels] = sample;
  const count = batch * channels * h * w;
  if (count > MOST_VALUES) {
    throw new ConfigError(`golden file: a batch of ${count} values is too large`, [`batch    [${batch}, ${channels}, ${h}, ${w}]`, `allowed  up to ${MOST_VALUES}`]);
  }
  const timesteps = Array.from({ length: batch }, (_, i) => (37 * s + 251 * i) % T);
  const torchShape = [batch, channels, h, w];
  return {
    x0: toChannelsLast(goldenFill(fill, count, 300 + s, 1.5, 0).map(Math.tanh), torchShape),
    eps: toChannelsLast(goldenFill(fill, count, 600 + s, 1.4, 0), torchShape),
    shape: [batch, h, w, channels], timesteps,
  };
}

/** The format's training files are of the paper's setting; another one is refused, not compared with numbers it was not made for. */
function processOf({ schedule: { name, beta_start, beta_end, timesteps }, objective }: TrainGolden): DiscreteProcess {
  if (name !== "linear") throw new ConfigError(`golden file: schedule ${name} is not implemented`, ["allowed  linear"]);
  if (objective !== "eps") throw new ConfigError(`golden file: objective ${objective} is not implemented`, ["allowed  eps"]);
  return discreteProcess({ name, timesteps, betaStart: beta_start, betaEnd: beta_end });
}

/** Likewise: PyTorch's Adam adds weight decay to the gradient, ours is decoupled, so only AdamW can be compared with it. */
function optimizerOf({ optimizer }: TrainGolden, unet: Network): Adam {
  const { name, lr, betas: [beta1, beta2], eps, weight_decay: weightDecay = name === "adamw" ? 0.01 : 0 } = optimizer;
  if (name === "adam" && weightDecay === 0) return new Adam(unet, { lr, beta1, beta2, eps });
  if (name === "adamw") return new AdamW(unet, { lr, beta1, beta2, eps, weightDecay });
  throw new ConfigError(`golden file: optimizer ${name} with weight_decay ${weightDecay} is not implemented`, [
    "allowed  adam without weight_decay, adamw",
  ]);
}

function relative(value: number, reference: number): number {
  return Math.abs(value - reference) / Math.abs(reference);
}
