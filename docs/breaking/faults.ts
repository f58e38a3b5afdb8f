/** Every fault of the lab: what is wrong, from which training it is made, and what the doctor is handed of it. */
import { clip, multiply, Random } from "@fromnoise/tensor";
import { loadStateDict, stateDict, UNet, type Network } from "@fromnoise/nn";
import {
  clipped, convertPrediction, ddim, denoiserOf, processOf, type AnySampler, type DiagnoseOptions, type DiffusionModel,
} from "@fromnoise/diffusion/node";
import { Changed, negated } from "./networks.js";
import type { FinishedRun } from "./runs.js";
import { noiseAtTheEnd, reversed, STEPS, withoutNoise, wrongPrevious } from "./samplers.js";

/** What a fault makes of a sound training, or of its own: all that `diagnose` is handed but the device. */
export type Handed = Omit<DiagnoseOptions, "device">;

export interface Fault {
  readonly name: string;
  /** What is wrong, in words of those who meet it. */
  readonly what: string;
  /** What it does to samples, as its users report it. */
  readonly failure: string;
  /** The training that it is made from, and the sound one beside which its samples are shown. */
  readonly run: string;
  readonly sound: string;
  /** Findings of which one must be made. */
  readonly found: readonly string[];
  /** The figure that shows the failure in a number: what it measures, as the doctor calls it. */
  readonly number: string;
  hand(run: FinishedRun): Handed | Promise<Handed>;
}

/** A run as it is sampled soundly: averaged weights, ancestral sampling, x0 clipped. */
export function soundly({ run: { process, prediction, data }, averages: [network], raw, metrics }: FinishedRun): Handed {
  return { model: { network, process, prediction }, raw, training: data.training, heldOut: data.heldOut, metrics, ...quickly };
}

/** DDIM with noise over some steps: as good as all of them here, and twenty times as quick. */
const quickly = { sampler: ddim as AnySampler, options: { steps: STEPS, eta: 1 } };

const withModel = (handed: Handed, changes: Partial<DiffusionModel>): Handed => ({ ...handed, model: { ...handed.model, ...changes } });

/** The nine that everybody meets. */
export const listed: readonly Fault[] = [
  {
    name: "no-ema", number: "loss that 24 small steps of training take away", what: "weights not averaged", failure: "brightness and strokes vary from one step of training to the next", run: "v", sound: "v", found: ["no-average", "restless-weights"],
    hand: (run) => withModel(soundly(run), { network: run.raw }),
  },
  {
    name: "unscaled-linear", number: "signal left at the noisiest level, against its noise", what: "linear betas of 1000 steps, unscaled, at T = 250", failure: "training always sees the image; samples start without it", run: "unscaled", sound: "v", found: ["signal-at-the-end"],
    hand: soundly,
  },
  {
    name: "no-time", number: "error spared against a guess from mean and variance", what: "no time embedding", failure: "the network must guess how noisy its input is", run: "timeless", sound: "v", found: ["no-time"],
    hand: soundly,
  },
  {
    name: "no-clip", number: "values of samples outside of [-1, 1]", what: "x0 not clipped", failure: "guesses of x0 leave the range at the start, and gray veils over some samples stay", run: "eps", sound: "eps", found: ["x0-beyond", "samples-beyond"],
    hand: (run) => withModel(soundly(run), { clipX0: false }),
  },
  {
    name: "wrong-previous", number: "finest detail of samples", what: "wrong previous timestep over strides", failure: "noise is left in every sample", run: "v", sound: "v", found: ["sampler-levels", "chain-noise"],
    hand: (run) => ({ ...soundly(run), sampler: wrongPrevious as AnySampler, options: { steps: STEPS } }),
  },
  {
    name: "noise-at-the-end", number: "values of samples outside of [-1, 1]", what: "noise in the last step", failure: "grain over everything", run: "eps", sound: "eps", found: ["sampler-noise-left", "samples-detail"],
    hand: (run) => ({ ...soundly(run), sampler: noiseAtTheEnd as AnySampler, options: { steps: STEPS } }),
  },
  {
    name: "sum-for-mean", number: "error spared against a guess from mean and variance", what: "the loss a sum and not a mean, with plain gradient descent", failure: "every gradient is clipped, and training never settles", run: "summed", sound: "v", found: ["sum-for-mean"],
    hand: soundly,
  },
  {
    name: "eps-for-v", number: "values of samples that are white", what: "eps read where v was trained", failure: "everything is driven to the bounds: glaring colours", run: "faces", sound: "faces", found: ["read-otherwise"],
    hand: (run) => withModel(soundly(run), { prediction: "eps" }),
  },
  {
    name: "shuffled-labels", number: "samples nearest to the mean of the class that was asked for", what: "labels shuffled", failure: "digits, but any digit for any class", run: "shuffled", sound: "v", found: ["class-unheard"],
    hand: soundly,
  },
];

/** More of them, in data, networks, training and sampling. */
export const others: readonly Fault[] = [
  {
    name: "unit-range", number: "range of the data", what: "data in [0, 1]", failure: "gray where black should be", run: "unit-range", sound: "v", found: ["data-range"], hand: soundly,
  },
  {
    name: "unit-clip", number: "brightness of samples", what: "x0 clipped to [0, 1] in sampling", failure: "black becomes gray, and strokes clouds", run: "v", sound: "v", found: ["samples-brightness"],
    hand: (run: FinishedRun): Handed => {
      const handed = soundly(run);
      return { ...handed, denoiser: (labels) => {
        const raw = denoiserOf({ ...handed.model, clipX0: false }, { labels });
        return (xt, at) => {
          const x0 = clip(raw(xt, at).x0, 0, 1);
          return { x0, eps: convertPrediction(x0, xt, at, "x0", "eps"), rawX0: x0 };
        };
      } };
    },
  },
  {
    name: "swapped-channels", number: "red less blue of samples", what: "red and blue exchanged in the samples", failure: "blue faces", run: "faces", sound: "faces", found: ["samples-colour"],
    hand: (run) => ({ ...soundly(run), sampler: reversed(soundly(run).sampler!) }),
  },
  {
    name: "hot", number: "error spared against a guess from mean and variance", what: "a learning rate 100 times too high", failure: "noise, or one colour", run: "hot", sound: "v", found: ["not-learnt", "worse-than-mean"], hand: soundly,
  },
  {
    name: "dead-layer", number: "error spared against a guess from mean and variance", what: "the weights of a layer zero", failure: "hardly seen: the rest of the network makes up for most of it", run: "v", sound: "v", found: ["dead-layers", "zero-weights"],
    hand: async (run: FinishedRun): Promise<Handed> => {
      const network = await copyOf(run.averages[0], run.run.make());
      const p = network.parameters.find(({ name }) => name === "down_blocks.1.resnets.0.conv1.weight")!;
      p.tensor = p.tensor.device.keep(multiply(p.tensor, 0));
      return { ...withModel(soundly(run), { network }), raw: undefined };
    },
  },
  {
    name: "slow-average", number: "loss with averaged weights, against raw ones", what: "EMA of decay 0.9999 from the first step on, after 500 steps", failure: "samples of the average are noise", run: "v", sound: "v", found: ["average-lags"],
    hand: (run) => withModel(soundly(run), { network: run.averages[1] }),
  },
  {
    name: "dropout-on", number: "answers to one question, asked twice: difference", what: "dropout left on in sampling", failure: "rougher samples, another answer each time", run: "v", sound: "v", found: ["random-answers"],
    hand: async (run: FinishedRun): Promise<Handed> => {
      const { config } = run.averages[0].spec;
      const network = await copyOf(run.averages[0], new UNet({ ...config, dropout: 0.2 }));
      return { ...withModel(soundly(run), { network: new Changed(network, { dropout: new Random(5, 5) }) }), raw: undefined };
    },
  },
  {
    name: "reversed-times", number: "error spared against a guess from mean and variance", what: "the network told T - 1 - t", failure: "noise", run: "v", sound: "v", found: ["other-time"],
    hand: (run: FinishedRun): Handed => {
      const handed = soundly(run);
      const told = new Changed(handed.model.network, { times: (t) => Array.from(t, (v) => 999 - v) });
      return { ...withModel(handed, { network: told }), raw: undefined };
    },
  },
  {
    name: "scaled-times", number: "error spared against a guess from mean and variance", what: "the network told t / 1000", failure: "noise, or blots", run: "v", sound: "v", found: ["other-time"],
    hand: (run) => withModel(soundly(run), { process: processOf({ name: "cosine", timesteps: 1000, timeScale: 0.001 }) }),
  },
  {
    name: "wrong-sign", number: "scale of the output: slope of the target on it", what: "the sign of the output wrong", failure: "noise", run: "v", sound: "v", found: ["read-otherwise", "output-scale"],
    hand: (run) => ({ ...withModel(soundly(run), { network: negated(run.averages[0]) }), raw: undefined }),
  },
  {
    name: "other-schedule", number: "error spared against a guess from mean and variance", what: "trained on a cosine schedule, sampled on a linear one", failure: "blotches", run: "v", sound: "v", found: ["other-time"],
    hand: (run) => withModel(soundly(run), { process: processOf({ name: "linear", timesteps: 1000 }) }),
  },
  {
    name: "no-noise", number: "contrast within samples", what: "ancestral sampling without its noise", failure: "blurred, thin strokes", run: "v", sound: "v", found: ["sampler-levels", "sampler-end"],
    hand: (run) => ({ ...soundly(run), sampler: withoutNoise as AnySampler, options: {} }),
  },
  {
    name: "few-images", number: "error on held-out images, against training's", what: "64 images to train on", failure: "its training images come back", run: "few", sound: "v", found: ["overfit", "copies"], hand: soundly,
  },
  {
    name: "too-much-guidance", number: "contrast within samples", what: "x0 of samples twice too far from its mean", failure: "burnt", run: "v", sound: "v", found: ["samples-contrast"],
    hand: (run: FinishedRun): Handed => {
      const handed = soundly(run);
      return { ...handed, denoiser: (labels) => clipped((xt, at) => {
        const x0 = multiply(denoiserOf({ ...handed.model, clipX0: false }, { labels })(xt, at).x0, 2);
        return { x0, eps: convertPrediction(x0, xt, at, "x0", "eps"), rawX0: x0 };
      }, { to: 1 }) };
    },
  },
];

/** A network of other settings with the same weights. */
async function copyOf(from: Network, to: Network): Promise<Network> {
  const values = await stateDict(from);
  for (const [i, p] of to.parameters.entries()) p.tensor = from.parameters[i].tensor.device.keep(multiply(from.parameters[i].tensor, 1));
  loadStateDict(to, values);
  return to;
}
