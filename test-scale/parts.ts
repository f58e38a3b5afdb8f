/** What can be compared without a run: random numbers, levels, the order of data; and what is refused. */
import { Random } from "@fromnoise/tensor";
import { BatchOrder } from "../packages/diffusion/src/data/batches.js";
import { processOf } from "../packages/diffusion/src/process/named.js";
import { trainConfig, type TrainConfigInput } from "../packages/diffusion/src/train/config.js";
import { networkSpec } from "../packages/diffusion/src/train/model-fields.js";
import { networkOf } from "@fromnoise/nn";
import { fromPython } from "./torch.js";

type Hold = (what: string, holds: boolean, measured: string) => void;

const KEY = { seed: 2 ** 40 + 7, stream: 2 ** 50 + 3, counter: 2 ** 33 + 5 };
/** Schedules that are there, and how far their levels may be from ours. */
const SCHEDULES = ["linear", "scaled-linear", "cosine"] as const, LEVELS = 1e-11;

/** All that a run draws has the same bits there. */
export function drawsAreTheSame(hold: Hold): void {
  const random = Random.from(KEY);
  const here = {
    normal: Array.from(random.normal(2001)), part: Array.from(Random.from(KEY).normal(2001).slice(333, 1200)), uniform: Array.from(random.uniform(7)),
    integers: Array.from(random.integers(5000, 1000)), counter: random.counter,
    order: Array.from(new BatchOrder({ count: 1000, batch: 1500, seed: 3 }).next()),
  };
  const levels = SCHEDULES.flatMap((name) => processOf({ name, timesteps: 1000 }).levels!.flatMap(({ alpha, sigma }) => [alpha, sigma]));
  const { there, levelsThere } = fromPython<{ there: Record<keyof typeof here, unknown>; levelsThere: number[] }>(`
import json
from fromnoise_torch.numbers import Random
from fromnoise_torch.process import Process
from fromnoise_torch.trainer import ORDER
key = json.loads('${JSON.stringify(KEY)}')
r = Random(**key)
out = {"normal": r.normal(2001, 0, 2001).tolist(), "part": Random(**key).normal(2001, 333, 1200).tolist(), "uniform": r.uniform(7).tolist()}
out.update(integers=r.integers(5000, 1000), counter=r.counter)
out["order"] = Random(3, ORDER).permutation(1000) + Random(3, ORDER + 1).permutation(1000)[:500]
levels = []
for name in json.loads('${JSON.stringify(SCHEDULES)}'):
    schedule = {"name": name, "timesteps": 1000, "betaStart": 1e-4, "betaEnd": 0.02}
    config = {"schedule": schedule, "prediction": "v", "loss": "mse", "timeSampling": "own", "weighting": "simple", "minSnrGamma": 5, "variance": "fixed-small"}
    levels += [x for level in Process(config).levels for x in level]
print(json.dumps({"there": out, "levelsThere": levels}))
`);
  const other = (Object.keys(here) as (keyof typeof here)[]).filter((name) => JSON.stringify(here[name]) !== JSON.stringify(there[name]));
  hold("draws and the order of data, bit by bit", other.length === 0, other.length === 0 ? `${Object.keys(here).length} tables the same` : `other bits in ${other.join(", ")}`);
  const error = Math.max(...levels.map((level, i) => Math.abs(level - levelsThere[i]) / level));
  hold("levels of schedules", levelsThere.length === levels.length && error <= LEVELS, `${error.toExponential(1)}, allowed ${LEVELS}`);
}

const unet = trainConfig({}).model;
/** What is not there, and the field by which it is refused. */
const REFUSED: readonly (readonly [field: string, input: TrainConfigInput])[] = [
  ["schedule.name", { schedule: { name: "flow" }, prediction: "flow" }], ["schedule.name", { schedule: { name: "sigmoid" } }],
  ["schedule.zeroTerminalSnr", { schedule: { zeroTerminalSnr: true }, prediction: "v" }],
  ["prediction", { prediction: "edm", schedule: { name: "linear" } }], ["timeSampling", { timeSampling: "loss-aware" }],
  ["model.kind", { model: { kind: "dit", config: { sample_size: 28, channels: 1 } } }],
  ["model.dropout", { model: { ...unet, dropout: 0.1 } }], ["model.act_fn", { model: { ...unet, act_fn: "gelu" } }],
  ["model.down_block_types", { model: { ...unet, down_block_types: ["DownBlock2D", "DownBlock2D", "ResnetDownsampleBlock2D"] } }],
  ["model.up_block_types", { model: { ...unet, up_block_types: ["ResnetUpsampleBlock2D", "UpBlock2D", "UpBlock2D"] } }],
  ["model.time_embedding_type", { model: { ...unet, time_embedding_type: "fourier" } }],
  ["model._patch_size", { model: { ...unet, sample_size: 32, _patch_size: 2 } }],
  ["model.out_channels", { model: { ...unet, out_channels: 2 } }],
];

/** What is not there is refused by its name, before anything is computed. */
export function refusals(hold: Hold): void {
  const configs = REFUSED.map(([, input]) => {
    const config = trainConfig(input), { spec } = networkOf(networkSpec(config.model));
    return { config: { ...config, variance: config.sampling.variance }, network: { kind: spec.kind, config: spec.config } };
  });
  const said = fromPython<string[]>(`
import json
from fromnoise_torch import Refused
from fromnoise_torch.process import Process
from fromnoise_torch.unet import UNet
said = []
for each in json.loads(${JSON.stringify(JSON.stringify(configs))}):
    try:
        UNet(each["network"], Process(each["config"]).heads)
        said.append("nothing")
    except Refused as refused:
        said.append(str(refused))
print(json.dumps(said))
`);
  REFUSED.forEach(([field, input], i) => {
    const given = JSON.stringify(input).slice(0, 60);
    hold(`refused by name: ${given}`, said[i].startsWith(`${field}: `) && said[i].includes("allowed  "), said[i].split("\n")[0]);
  });
}
