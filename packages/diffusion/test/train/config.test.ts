import { expect } from "chai";
import { ConfigError } from "@fromnoise/tensor";
import { SCHEDULE_NAMES } from "../../src/process/schedules.js";
import { lrSchedule, trainConfig, trainDefaults, type TrainConfigInput } from "../../src/train/config.js";

function refusal(input: object): string {
  try {
    trainConfig(input as TrainConfigInput);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "accepted";
}

describe("the config of a training run", () => {
  it("fills in the defaults, group by group, and leaves them as they are", () => {
    const before = structuredClone(trainDefaults);
    const config = trainConfig({ steps: 7, optimizer: { lr: 0.1 }, ema: { decay: 0.5 } });
    expect(config).to.deep.equal({
      ...trainDefaults, steps: 7, optimizer: { ...trainDefaults.optimizer, lr: 0.1 }, ema: { ...trainDefaults.ema, decay: 0.5 },
    });
    config.optimizer.betas[0] = 0;
    expect(trainDefaults).to.deep.equal(before);
  });

  it("survives a trip through JSON", () => {
    expect(trainConfig(JSON.parse(JSON.stringify(trainDefaults)) as TrainConfigInput)).to.deep.equal(trainDefaults);
  });

  const refused: [input: object, message: string][] = [
    [{ stepz: 5 }, "config: there is no field stepz\n  allowed  data, badImages, maxMegapixels, holdOut, flip, model, "],
    [{ toString: 5 }, "config: there is no field toString\n"],
    [{
      optimizer: { learningRate: 1 },
    }, "config: there is no field optimizer.learningRate\n  allowed  optimizer.lr, optimizer.betas, "],
    [{ optimizer: 3 }, "optimizer: 3 is not allowed\n  allowed  an object"],
    [{ model: null }, "model: null is not allowed\n  allowed  an object"],
    [{ steps: 0 }, "steps: 0 is not allowed\n  allowed  whole numbers from 1"],
    [{ steps: "10" }, 'steps: "10" is not allowed\n  allowed  whole numbers from 1'],
    [{ holdOut: 1 }, "holdOut: 1 is not allowed\n  allowed  0, whole numbers from 2"],
    [{ holdOut: -2 }, "holdOut: -2 is not allowed\n  allowed  0, whole numbers from 2"],
    [{ batch: 1.5 }, "batch: 1.5 is not allowed\n  allowed  whole numbers from 1"],
    [{ batch: 1e9 }, "batch: 1000000000 is not allowed\n  allowed  whole numbers from 1 to 1048576"],
    [{ accumulate: 1e9 }, "accumulate: 1000000000 is not allowed\n  allowed  whole numbers from 1 to 65536"],
    [{ steps: 1e12 }, "steps: 1000000000000 is not allowed\n  allowed  whole numbers from 1 to 1000000000"],
    [{ previewImages: 1e9 }, "previewImages: 1000000000 is not allowed\n  allowed  whole numbers from 1 to 4096"],
    [{ schedule: { timesteps: 1e9 } }, "schedule.timesteps: 1000000000 is not allowed\n  allowed  whole numbers from 1 to 1000000"],
    [{ timeSampling: "loss-aware", schedule: { name: "cosine", timesteps: 100_001 } }, "timeSampling: loss-aware is not for 100001 steps\n  allowed  schedule.timesteps up to 100000"],
    [{ seed: -1 }, "seed: -1 is not allowed\n  allowed  whole numbers from 0"],
    [{ seed: 2 ** 53 }, "seed: 9007199254740992 is not allowed\n  allowed  whole numbers from 0"],
    [{ flip: "yes" }, 'flip: "yes" is not allowed\n  allowed  true, false'],
    [{ data: "" }, 'data: "" is not allowed\n  allowed  a non-empty string'],
    [{ optimizer: { lr: 0 } }, "optimizer.lr: 0 is not allowed\n  allowed  numbers > 0"],
    [{ optimizer: { betas: [0.9, 1] } }, "optimizer.betas: [0.9,1] is not allowed\n  allowed  two numbers from 0 to below 1"],
    [{ gradClip: -1 }, "gradClip: -1 is not allowed\n  allowed  numbers >= 0; 0 is off"],
    [{ objective: "v" }, "config: there is no field objective\n  now      prediction\n"],
    [{ clip: 1 }, "config: there is no field clip\n  now      gradClip\n"],
    [{ sampling: { clip: true } }, "config: there is no field sampling.clip\n  now      sampling.clipX0\n"],
    [{ ema: { decay: 1 } }, "ema.decay: 1 is not allowed\n  allowed  numbers from 0 to below 1"],
    [{ prediction: "epsilon" }, 'prediction: "epsilon" is not allowed\n  allowed  eps, x0, v'],
    [{
      schedule: { name: "exp" },
    }, `schedule.name: "exp" is not allowed\n  allowed  ${SCHEDULE_NAMES.join(", ")}`],
    [{ schedule: { name: "scaled-linear", timesteps: 10 } }, "timesteps: 10 is too few for the schedule scaled-linear\n  beta "],
    [{ sampling: { variance: "large" as "learned" } },
      'sampling.variance: "large" is not allowed\n  allowed  fixed-small, fixed-large, learned-range, learned'],
    [{ sampling: { variance: "learned" } }, "sampling.variance: learned is not learned by the loss mse\n  allowed  fixed-small, fixed-large"],
    [{ dtype: "f16" }, 'dtype: "f16" is not allowed\n  allowed  f32, f64'],
    [{ device: "cuda" }, 'device "cuda" is unknown\n  allowed  reference'],
    [{ model: { chanels: 3 } }, "U-Net config: the field chanels is not known\n"],
    [
      {
        model: { block_out_channels: [10, 20], norm_num_groups: 8, down_block_types: [
          "DownBlock2D", "DownBlock2D",
        ], up_block_types: ["UpBlock2D", "UpBlock2D"] },
      },
      "U-Net config: block_out_channels[0] is 10, which norm_num_groups 8 does not divide\n"
        + "  allowed  channels that are multiples of 8, or norm_num_groups among 1, 2, 5, 10",
    ],
  ];
  for (const [input, message] of refused) {
    it(`refuses ${JSON.stringify(input).slice(0, 70)}`, () => expect(refusal(input)).to.satisfy(
      (text: string) => text.startsWith(message), refusal(input),
    ));
  }

  it("gives the learning rate of every step: constant, warmed up, along a cosine", () => {
    const rates = (name: "constant" | "linear-warmup" | "cosine"): number[] => {
      const rate = lrSchedule(trainConfig({ steps: 10, optimizer: { lr: 0.1 }, lrSchedule: { name, warmup: 2 } }));
      return [0, 1, 2, 6, 10].map(rate);
    };
    expect(rates("constant")).to.deep.equal([0.1, 0.1, 0.1, 0.1, 0.1]);
    expect(rates("linear-warmup")).to.deep.equal([0, 0.05, 0.1, 0.1, 0.1]);
    rates("cosine").forEach((rate, i) => expect(rate).to.be.closeTo([0, 0.05, 0.1, 0.05, 0][i], 1e-15));
  });
});
