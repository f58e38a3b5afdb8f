/** What diffusers' schedulers say of a model, and what a model becomes there. */
import { expect } from "chai";
import { ConfigError } from "@fromnoise/tensor";
import type { ModelInfo } from "../../src/models/model-format.js";
import { otherSchedulers, schedulerForms } from "../../src/models/formats/diffusers-schedulers.js";
import { readScheduler, schedulerFields } from "../../src/models/formats/diffusers-scheduler.js";
import { memorySource, readJsonFile } from "../../src/models/source.js";
import type { DiscreteProcess } from "../../src/process/process.js";
import { processOf } from "../../src/process/named.js";
import { thrown } from "../thrown.js";

type Fields = Record<string, unknown>;
const linear = { name: "linear", timesteps: 1000, betaStart: 1e-4, betaEnd: 0.02, zeroTerminalSnr: false } as const;
const betasOf = (fields: Fields): Float64Array => (processOf(readScheduler(fields, "s").process) as DiscreteProcess).schedule.betas;

describe("a scheduler of diffusers", () => {
  const classes: [name: string, fields: Fields, expected: Partial<Omit<ModelInfo, "network">>][] = [
    ["DDPMScheduler", {}, { process: linear, prediction: "eps", variance: "fixed-small", clipX0: true }],
    ["DDIMScheduler", {}, { process: linear, variance: "fixed-small", clipX0: { to: 1, eps: "keep" } }],
    ["DDIMScheduler", { clip_sample: false, variance_type: "fixed_large" }, { variance: "fixed-small", clipX0: false }],
    ["DPMSolverMultistepScheduler", { lambda_min_clipped: -Infinity, variance_type: null }, { process: linear, clipX0: false }],
    ["DPMSolverMultistepScheduler", { clip_sample: true, use_karras_sigmas: true }, { clipX0: false }],
    ["EulerDiscreteScheduler", { interpolation_type: "linear" }, { process: linear, clipX0: false }],
    ["EulerAncestralDiscreteScheduler", { prediction_type: "v_prediction", rescale_betas_zero_snr: true }, {
      process: { ...linear, zeroTerminalSnr: true }, prediction: "v", clipX0: false,
    }],
    ["HeunDiscreteScheduler", { clip_sample: true }, { process: { ...linear, betaStart: 0.00085, betaEnd: 0.012 }, clipX0: true }],
    ["DPMSolverSinglestepScheduler", { variance_type: "learned_range" }, { process: linear, variance: "learned-range", clipX0: false }],
    ["DPMSolverSDEScheduler", { noise_sampler_seed: 1 }, { process: { ...linear, betaStart: 0.00085, betaEnd: 0.012 }, clipX0: false }],
    ["UniPCMultistepScheduler", { thresholding: true, variance_type: "fixed_large" }, {
      process: linear, variance: "fixed-small", clipX0: { to: "dynamic", quantile: 0.995, most: 1 },
    }],
    ["DEISMultistepScheduler", { use_flow_sigmas: false }, { process: linear, clipX0: false }],
    ["KDPM2DiscreteScheduler", {}, { process: { ...linear, betaStart: 0.00085, betaEnd: 0.012 }, clipX0: false }],
    ["KDPM2AncestralDiscreteScheduler", { beta_start: 0.001 }, { process: { ...linear, betaStart: 0.001, betaEnd: 0.012 } }],
    ["LMSDiscreteScheduler", { beta_schedule: "scaled_linear", rescale_betas_zero_snr: true }, { process: { ...linear, name: "quad" }, clipX0: false }],
    ["PNDMScheduler", { skip_prk_steps: true, prediction_type: "sample" }, { process: linear, prediction: "x0", clipX0: false }],
    ["FlowMatchEulerDiscreteScheduler", { shift: 3 }, { process: { name: "flow", timesteps: 1000 }, prediction: "flow", clipX0: false }],
    ["EDMEulerScheduler", { sigma_data: 0.7 }, { process: { name: "edm", timesteps: 1000, sigmaData: 0.7 }, prediction: "edm", clipX0: false }],
    ["EDMDPMSolverMultistepScheduler", { thresholding: true, sample_max_value: 3 }, {
      process: { name: "edm", timesteps: 1000, sigmaData: 0.5 }, prediction: "edm", clipX0: { to: "dynamic", quantile: 0.995, most: 3 },
    }],
  ];
  for (const [name, fields, expected] of classes) {
    it(`of the class ${name} is read${Object.keys(fields).length === 0 ? "" : ` with ${Object.keys(fields).join(", ")}`}`, () => {
      const read = readScheduler({ _class_name: name, ...fields }, "s") as unknown as Record<string, unknown>;
      for (const [field, value] of Object.entries(expected)) expect(read[field], field).to.deep.equal(value);
    });
  }

  it("of every class that is read has been tried here", () => {
    expect([...new Set(classes.map(([name]) => name))].sort()).to.deep.equal(Object.keys(schedulerForms).sort());
  });

  it("of another class is refused by its name, and where its networks learned something else, that is said", async () => {
    for (const name of [...Object.keys(otherSchedulers), "NoScheduler", 3]) {
      const error = await thrown(ConfigError, Promise.resolve().then(() => readScheduler({ _class_name: name }, "s.json")));
      expect(error.summary).to.equal(`s.json: the scheduler ${JSON.stringify(name)} is not implemented`);
      expect(error.details.some((line) => line.startsWith("reason"))).to.equal(Object.hasOwn(otherSchedulers, name));
      expect(error.details.at(-1)).to.equal(`allowed  ${Object.keys(schedulerForms).join(", ")}`);
    }
  });

  it("says how guesses of x0 are clipped: range, dynamic thresholding before it, or not", () => {
    const clip = (fields: Fields): unknown => readScheduler(fields, "s").clipX0;
    expect(clip({ clip_sample_range: 2 })).to.deep.equal({ to: 2 });
    expect(clip({ clip_sample: false, clip_sample_range: 2 })).to.equal(false);
    expect(clip({ thresholding: true })).to.deep.equal({ to: "dynamic", quantile: 0.995, most: 1 });
    expect(clip({ thresholding: true, clip_sample: false, dynamic_thresholding_ratio: 0.9, sample_max_value: 5 }))
      .to.deep.equal({ to: "dynamic", quantile: 0.9, most: 5 });
  });

  it("with a curve that has no name here gives it by its betas", () => {
    const sigmoid = betasOf({ beta_schedule: "sigmoid", num_train_timesteps: 5 });
    const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
    [-6, -3, 0, 3, 6].forEach((x, t) => expect(sigmoid[t]).to.be.closeTo(1e-4 + 0.0199 * logistic(x), 1e-15));
    const exp = betasOf({ beta_schedule: "exp", num_train_timesteps: 1000 });
    expect(exp[0]).to.be.closeTo(1 - Math.exp(-0.012), 1e-14);
    expect(exp[999]).to.be.closeTo(1 - Math.exp(-0.012), 1e-12);
    const laplace = betasOf({ beta_schedule: "laplace", num_train_timesteps: 100 });
    // alphaBar(1/2) / alphaBar(0) of the root of sigmoid(log-SNR), whose ends are moved by 1e-6: log-SNR 0 in the middle, 6.9 at first.
    const half = laplace.slice(0, 50).reduce((product, beta) => product * (1 - beta), 1);
    expect(half).to.be.closeTo(Math.sqrt(0.5 / logistic(-0.5 * Math.log(1e-6))), 1e-6);
    expect(Array.from(betasOf({ trained_betas: [0.1, 0.2, 0.3], num_train_timesteps: 3 }))).to.deep.equal([0.1, 0.2, 0.3]);
    const rescaled = betasOf({ trained_betas: [0.1, 0.2, 0.3], num_train_timesteps: 3, rescale_betas_zero_snr: true, prediction_type: "sample" });
    expect([rescaled[0], rescaled[2]]).to.deep.equal([0.1, 1]);
  });

  it("written before prediction_type was says predict_epsilon", () => {
    expect(readScheduler({ predict_epsilon: false }, "s").prediction).to.equal("x0");
    expect(readScheduler({ predict_epsilon: true }, "s").prediction).to.equal("eps");
    expect(readScheduler({ predict_epsilon: false, prediction_type: "epsilon" }, "s").prediction).to.equal("eps");
  });

  it("may hold Python's -Infinity, and that word alone", async () => {
    const file = (text: string): Promise<unknown> => readJsonFile(memorySource("m", { "s.json": new TextEncoder().encode(text) }), "s.json", { infinities: true });
    expect(await file('{"lambda_min_clipped": -Infinity, "name": "a \\"-Infinity\\" b"}'))
      .to.deep.equal({ lambda_min_clipped: -Infinity, name: 'a "-Infinity" b' });
    for (const word of ["Infinity", "NaN", "-Infinityx"]) {
      expect((await file(`{"a": ${word}}`).catch((error: unknown) => error) as Error).message, word).to.contain("m/s.json is not JSON");
    }
    expect((await readJsonFile(memorySource("m", { "c.json": new TextEncoder().encode('{"a": -Infinity}') }), "c.json").catch((error: unknown) => error) as Error).message)
      .to.contain("is not JSON");
  });

  const back: [what: string, model: Partial<Omit<ModelInfo, "network">>][] = [
    ["clipping to a range", { clipX0: { to: 2 } }],
    ["clipping that keeps the network's eps", { clipX0: { to: 1, eps: "keep" } }],
    ["dynamic thresholding", { clipX0: { to: "dynamic", quantile: 0.9, most: 4 } }],
    ["dynamic thresholding without a limit", { clipX0: { to: "dynamic", quantile: 0.995 } }],
    ["dynamic thresholding that keeps eps", { clipX0: { to: "dynamic", quantile: 0.99, eps: "keep" } }],
    ["betas", { process: { ...linear, name: "betas", timesteps: 3, betas: [0.1, 0.25, 0.5] } }],
    ["betas that are rescaled", { process: { ...linear, name: "betas", timesteps: 3, betas: [0.1, 0.25, 0.5], zeroTerminalSnr: true }, prediction: "v" }],
    ["rectified flow", { process: { name: "flow", timesteps: 1000 }, prediction: "flow", clipX0: false }],
    ["rectified flow that is clipped", { process: { name: "flow", timesteps: 1000 }, prediction: "flow", variance: "fixed-large" }],
    ["EDM's process", { process: { name: "edm", timesteps: 1000, sigmaData: 0.25 }, prediction: "edm", clipX0: { to: 3 } }],
  ];
  for (const [what, changes] of back) {
    it(`brings back ${what}`, () => {
      const model = { process: linear, prediction: "eps", variance: "fixed-small", clipX0: true, ...changes } as const;
      const written = JSON.parse(JSON.stringify(schedulerFields(model))) as Fields;
      expect(readScheduler(written, "s")).to.deep.equal(model);
    });
  }

  it("has no fields but those that its class takes in diffusers, and ours, which begin with _", () => {
    const takes: Record<string, string[]> = {
      DDPMScheduler: [
        "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "variance_type", "clip_sample", "prediction_type",
        "thresholding", "dynamic_thresholding_ratio", "clip_sample_range", "sample_max_value", "timestep_spacing", "steps_offset",
        "rescale_betas_zero_snr",
      ],
      FlowMatchEulerDiscreteScheduler: ["num_train_timesteps", "shift", "use_dynamic_shifting", "base_shift", "max_shift", "invert_sigmas"],
      EDMEulerScheduler: ["sigma_min", "sigma_max", "sigma_data", "sigma_schedule", "num_train_timesteps", "prediction_type", "rho", "final_sigmas_type"],
    };
    const written = new Set<string>();
    for (const [, changes] of back) {
      const { _class_name: name, ...fields } = schedulerFields({ process: linear, prediction: "eps", variance: "fixed-small", clipX0: true, ...changes });
      expect(Object.keys(fields).filter((field) => !field.startsWith("_") && !takes[name].includes(field)), name).to.deep.equal([]);
      written.add(name);
    }
    expect([...written].sort()).to.deep.equal(Object.keys(takes).sort());
  });

  it("says clipping and thresholding in diffusers' own fields", () => {
    const fields = (clipX0: ModelInfo["clipX0"]): object => schedulerFields({ process: linear, prediction: "eps", variance: "fixed-small", clipX0 });
    expect(fields({ to: 2 })).to.include({ clip_sample: true, clip_sample_range: 2 });
    expect(fields({ to: "dynamic", quantile: 0.9, most: 4 })).to.include({ thresholding: true, dynamic_thresholding_ratio: 0.9, sample_max_value: 4 });
    expect(fields({ to: "dynamic" })).to.include({ dynamic_thresholding_ratio: 0.995, sample_max_value: 3.4028234663852886e38 });
    expect(fields({ to: 1, eps: "keep" })).to.deep.include({ clip_sample: true, clip_sample_range: 1, _fromnoise_clip: { to: 1, eps: "keep" } });
    expect(schedulerFields({ process: { name: "edm", timesteps: 1000 }, prediction: "edm", variance: "fixed-small", clipX0: false }))
      .to.include({ _class_name: "EDMEulerScheduler", sigma_min: 0.002, sigma_max: 80, sigma_data: 0.5 });
  });

  it("is not written of a process without steps that it has not", async () => {
    for (const [name, prediction] of [["flow", "v"], ["continuous-cosine", "eps"], ["edm", "v"]] as const) {
      const model = { process: { name, timesteps: 1000 }, prediction, variance: "fixed-small", clipX0: true } as const;
      const error = await thrown(ConfigError, Promise.resolve().then(() => schedulerFields(model)));
      expect(error.message).to.equal(
        `diffusers' DDPMScheduler has no process ${name}\n  allowed  schedules of steps; flow with the prediction flow, edm with the prediction edm`,
      );
    }
  });

  const refused: [fields: Fields, message: string][] = [
    [{ beta_schedule: "cubic" }, 'beta_schedule "cubic" is not implemented\n  allowed  linear, scaled_linear, squaredcos_cap_v2, sigmoid, laplace, exp'],
    [{ prediction_type: "flow" }, 'prediction_type "flow" is not implemented\n  allowed  epsilon, sample, v_prediction'],
    [{ variance_type: "learned" }, 'variance_type "learned" is not implemented\n  allowed  fixed_small, '],
    [{ trained_betas: [0.1, 0.2] }, "betas: there are 2 of them\n  allowed    1000"],
    [{ trained_betas: [0.1, 2], num_train_timesteps: 2 }, "betas[1]: 2 is not a variance of added noise\n"],
    [{ trained_betas: "many" }, 'trained_betas "many" is not implemented\n  allowed  a list of numbers, or null'],
    [{ rescale_betas_zero_snr: "yes" }, 'rescale_betas_zero_snr "yes" is not implemented\n  allowed  true, false'],
    [{ rescale_betas_zero_snr: true, prediction_type: "epsilon" }, 'prediction_type "epsilon" is not implemented\n  allowed  sample, v_'],
    [{ clip_sample_range: 0 }, "clip_sample_range 0 is not implemented\n  allowed  true, false, or {to"],
    [{ thresholding: true, dynamic_thresholding_ratio: 2 }, "dynamic_thresholding_ratio 2 is not implemented\n"],
    [{ beta_start: "small" }, 'beta_start "small" is not implemented\n  allowed  a number'],
    [{ num_train_timesteps: 0.5 }, "timesteps: 0.5 is not a number of steps\n"],
    [{ _class_name: "EDMEulerScheduler", sigma_max: 100 }, "sigma_max 100 is not implemented\n  allowed  80"],
    [{ _class_name: "EDMEulerScheduler", prediction_type: "v_prediction" }, 'prediction_type "v_prediction" is not implemented\n  allowed  "epsilon"'],
    [{ _class_name: "EulerDiscreteScheduler", timestep_type: "continuous" }, 'timestep_type "continuous" is not implemented\n  allowed  "discrete"'],
    [{ _class_name: "DPMSolverMultistepScheduler", use_flow_sigmas: true }, "use_flow_sigmas true is not implemented\n  allowed  false"],
    [{ _class_name: "FlowMatchEulerDiscreteScheduler", num_train_timesteps: 500 }, "num_train_timesteps 500 is not implemented\n  allowed  1000"],
    [{ _fromnoise_schedule: { name: "other" } }, 'name: "other" is not allowed\n'],
    [{ _fromnoise_clip: { to: -1 } }, '_fromnoise_clip {"to":-1} is not implemented\n'],
    [{ _fromnoise_variance: "large" }, '_fromnoise_variance "large" is not implemented\n'],
  ];
  for (const [fields, message] of refused) {
    it(`is refused with ${JSON.stringify(fields)}`, async () => {
      const error = await thrown(ConfigError, Promise.resolve().then(() => readScheduler(fields, "a/s.json")));
      expect(error.message).to.satisfy((text: string) => text.startsWith(`a/s.json: ${message}`), error.message);
    });
  }
});
