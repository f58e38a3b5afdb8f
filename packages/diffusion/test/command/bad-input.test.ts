import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { flagsOf } from "../../src/config/flags.js";
import { encodePng } from "../../src/image/node/index.js";
import { commands } from "../../src/command/main.js";
import { SCHEDULE_NAMES } from "../../src/process/schedules.js";
import { samplers } from "../../src/samplers/index.js";
import { trainFields } from "../../src/train/config.js";
import { temporaryFolder, tinyModel, writeSheet } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

const folder = temporaryFolder();
const sheet = writeSheet(folder);
const place = (name: string): string => join(folder, name);

function file(name: string, contents: string | Uint8Array): string {
  if (name.includes("/")) mkdirSync(join(place(name), ".."), { recursive: true });
  writeFileSync(place(name), contents);
  return place(name);
}

const png = encodePng({ width: 40, height: 40, channels: 1, data: Uint8Array.from({ length: 1600 }, (_, i) => i % 251) });
mkdirSync(place("empty"));
file("images/a.png", png);
file("truncated/a.png", png.subarray(0, png.length / 2));
file("text/a.jpg", "this is text");
file("small/a.png", encodePng({ width: 8, height: 8, channels: 1, data: new Uint8Array(64) }));
const [trailing, list, other] = [
  file("trailing.json", '{"steps": 5,}'), file("list.json", "[1]"), file("other.json", '{"format": "mine"}'),
];
const unknown = file("unknown.json", '{"stepz": 5}');
const groups = file(
  "groups.json", JSON.stringify({ data: sheet, model: { ...tinyModel, block_out_channels: [10, 20], norm_num_groups: 8 } }),
);
const plain = file("plain", "x");

const train = ["train", "--out", place("out")];
const cases: [what: string, argv: string[], code: number, err: string][] = [
  [
    "an unknown command", ["tarin"], 2,
    'ConfigError: there is no command "tarin"\n  allowed  train, scale, sample, join, ema, likelihood, evaluate, features, doctor, check, inspect, gradcheck, verify, export, import, demo, completion\n'
      + "  hint     did you mean train?",
  ],
  [
    "an unknown flag", ["train", "--stepz", "5"], 2,
    "ConfigError: there is no flag --stepz\n  hint     did you mean --steps?\n  usage    fromnoise train ",
  ],
  [
    "a flag that is nearly one", ["sample", "x", "--spacng", "leading"], 2,
    "ConfigError: there is no flag --spacng\n  hint     did you mean --spacing?\n",
  ],
  [
    "a flag under its earlier name", ["train", "--objective", "v"], 2,
    "ConfigError: there is no flag --objective\n  now      --prediction\n",
  ],
  [
    "a switch under its earlier name", ["sample", "x", "--no-clip"], 2,
    "ConfigError: there is no flag --no-clip\n  now      --no-clip-x0\n",
  ],
  [
    "a flag of another command", ["inspect", "x", "--out", "y"], 2,
    "ConfigError: there is no flag --out\n  usage    fromnoise inspect ",
  ],
  ["a flag before any command", ["--steps", "5"], 2, 'ConfigError: there is no command "--steps"\n  allowed  train, '],
  ["help of an unknown command", ["help", "exprot"], 2, 'ConfigError: there is no command "exprot"\n  allowed  '],
  [
    "a flag where a value belongs", ["train", "--out", "--resume"], 2,
    "ConfigError: --out has no value\n  got      --resume, which is a flag\n  allowed  a non-empty string",
  ],
  [
    "a value of a sampler, before its model is opened", ["sample", place("nowhere"), "--eta=-1"], 2,
    'ConfigError: --eta: "-1" is not allowed\n  allowed  numbers from 0 to 1',
  ],
  ["a switch with a value", ["train", "--flip=yes"], 2, "ConfigError: --flip takes no value\n  usage    fromnoise train "],
  [
    "a flag without its value", ["sample", "x", "--count"], 2,
    "ConfigError: --count N: the value is missing\n  allowed  whole numbers from 1 to 1000000\n",
  ],
  [
    "a negative value", ["train", "--steps", "-5"], 2,
    'ConfigError: --steps: "-5" is not allowed\n  allowed  whole numbers from 1',
  ],
  ["an argument too many", ["train", "digits"], 2, 'ConfigError: unexpected argument "digits"\n  usage    fromnoise train '],
  [
    "an argument too few", ["sample"], 2,
    "ConfigError: an argument is missing\n  usage    fromnoise sample RUN|CHECKPOINT|DIFFUSERS-FOLDER|FILE.pt [flags]   or   fromnoise sample --recipe NAME [flags]\n",
  ],
  [
    "a number that is none", ["train", "--steps", "many"], 2,
    'ConfigError: --steps: "many" is not allowed\n  allowed  whole numbers from 1',
  ],
  [
    "a number out of range", ["train", "--batch", "0"], 2,
    'ConfigError: --batch: "0" is not allowed\n  allowed  whole numbers from 1',
  ],
  [
    "a list of no numbers", ["train", "--width", "8,x"], 2,
    'ConfigError: --width: "8,x" is not allowed\n  allowed  whole numbers from 1 to 65536 with commas between, such as 32,64,128, at most 32 of them',
  ],
  ["layers without end", ["train", "--layers", "100000"], 2, 'ConfigError: --layers: "100000" is not allowed\n  allowed  whole numbers from 1 to 1024'],
  ["images without end", ["sample", "x", "--count", "1e8"], 2, 'ConfigError: --count: "1e8" is not allowed\n  allowed  whole numbers from 1 to 1000000'],
  [
    "a network beyond the device", ["train", "--width", "65536,65536", "--out", place("wide")], 1,
    "DeviceError: the wasm device has no room for network and data: 21920.15 GiB are needed\n  allowed  4.00 GiB",
  ],
  [
    "a batch beyond the device", ["train", "--batch", "1000000", "--out", place("batch")], 1,
    "DeviceError: the wasm device has no room for network and data: 8.77 GiB are needed\n  allowed  4.00 GiB",
  ],
  ["a bad seed", ["train", "--seed=-1"], 2, 'ConfigError: --seed: "-1" is not allowed\n  allowed  whole numbers from 0'],
  [
    "a seed too large", ["sample", "x", "--seed", "1e300"], 2,
    'ConfigError: --seed: "1e300" is not allowed\n  allowed  whole numbers from 0',
  ],
  ["an unknown device", ["train", "--device", "abacus"], 2, 'ConfigError: device "abacus" is unknown\n  allowed  reference'],
  ["an unknown device for a sample", ["sample", "x", "--device", "abacus"], 2, 'ConfigError: device "abacus" is unknown\n'],
  ["an unknown dtype", ["train", "--dtype", "f16"], 2, 'ConfigError: --dtype: "f16" is not allowed\n  allowed  f32, f64'],
  [
    "a dtype that the device does not have", [...train, "--data", sheet, "--device", "wasm", "--dtype", "f64"], 2,
    "ConfigError: dtype: the wasm device has no f64\n  allowed  f32",
  ],
  [
    "an unknown schedule", ["train", "--schedule", "exp"], 2,
    `ConfigError: --schedule: "exp" is not allowed\n  allowed  ${SCHEDULE_NAMES.join(", ")}`,
  ],
  [
    "scaled-linear with too few steps", ["train", "--schedule", "scaled-linear", "--timesteps", "20"], 2,
    "ConfigError: timesteps: 20 is too few for the schedule scaled-linear\n",
  ],
  ["a learning rate below 0", ["train", "--lr=-1"], 2, 'ConfigError: --lr: "-1" is not allowed\n  allowed  numbers > 0'],

  [
    "a missing folder", [...train, "--data", place("missing")], 2,
    `ConfigError: data names no images\n  got        ${JSON.stringify(place("missing"))}, which does not exist\n`,
  ],
  ["a folder without images", [...train, "--data", place("empty")], 2, `ConfigError: data: no images in ${place("empty")}\n`],
  ["a truncated PNG", [...train, "--data", place("truncated")], 1, `ImageError: ${place("truncated/a.png")}: truncated PNG\n`],
  [
    "a JPEG that is text", [...train, "--data", place("text")], 1,
    `ImageError: ${place("text/a.jpg")}: not a PNG or JPEG image\n`,
  ],
  [
    "images smaller than the size", [...train, "--data", place("small")], 1,
    `ImageError: ${place("small/a.png")}: smaller than the wanted size\n  expected   at least 32x32 pixels`,
  ],
  [
    "a size that the levels do not halve", [...train, "--data", place("images"), "--size", "38"], 2,
    "ConfigError: model.sample_size: 38 is not allowed\n  allowed  multiples of 4, as the 3 levels halve the image 2 times",
  ],
  [
    "labels where there are none", [...train, "--data", place("images"), "--classes"], 2,
    `ConfigError: --classes: ${place("images")} has no labels\n`,
  ],

  [
    "a config that is not there", [...train, "--config", place("nowhere.json")], 2,
    `ConfigError: cannot read ${place("nowhere.json")}\n  reason   no such file or folder`,
  ],
  [
    "a config that is a folder", [...train, "--config", place("images")], 2,
    `ConfigError: cannot read ${place("images")}\n  reason   it is a folder`,
  ],
  ["a config that is not JSON", [...train, "--config", trailing], 2, `ConfigError: ${trailing} is not JSON\n  reason   `],
  ["a config that is no object", [...train, "--config", list], 2, `ConfigError: ${list} holds no JSON object\n`],
  [
    "a config with an unknown field", [...train, "--config", unknown], 2,
    "ConfigError: config: there is no field stepz\n  allowed  data, badImages, maxMegapixels, holdOut, flip, ",
  ],
  [
    "channels that the groups do not divide", [...train, "--config", groups], 2,
    "ConfigError: U-Net config: block_out_channels[0] is 10, which norm_num_groups 8 does not divide\n  allowed  ",
  ],
  [
    "a network with an unknown field", [...train, "--data", sheet, "--model", other], 2,
    "ConfigError: U-Net config: the field format is not known\n",
  ],

  [
    "a run below a regular file", ["train", "--data", sheet, "--out", join(plain, "run")], 2,
    `ConfigError: cannot make the folder ${join(plain, "run")}\n  reason   a part of the path is a file`,
  ],
  [
    "nothing to resume", ["train", "--resume", "--out", place("empty")], 2,
    `ConfigError: ${place("empty")} holds no run to resume\n  hint     --out names`,
  ],
  [
    "another learning rate for a run that is resumed", ["train", "--resume", "--lr", "1"], 2,
    "ConfigError: --lr cannot change when a run is resumed\n  allowed  --data, --bad-images, --max-megapixels, --steps, ",
  ],

  ["no model", ["sample", place("nowhere")], 1, `CheckpointError: ${place("nowhere")} does not exist\n`],
  [
    "a folder without a checkpoint", ["sample", place("empty")], 1,
    `CheckpointError: ${place("empty")} holds no model\n  found    no files\n`
      + "  allowed  a checkpoint or the folder of a run: checkpoint-<step>.safetensors\n"
      + "           a folder as diffusers writes it: model_index.json of a pipeline; or config.json and diffusion_pytorch_model.safetensors",
  ],
  ["a model that is no checkpoint", ["inspect", plain], 1, `CheckpointError: ${plain} holds no model\n  found    plain\n`],
  [
    "an export without a place", ["export", place("nowhere")], 2,
    "ConfigError: --out is missing\n  usage    fromnoise export RUN|CHECKPOINT --out DIR|FILE.pt|FILE.safetensors   or   fromnoise export --recipe NAME --out ...\n",
  ],
  [
    "an import from nothing", ["import", place("empty"), "--out", place("out")], 1,
    `CheckpointError: ${place("empty")} holds no model\n  found    no files\n  allowed  a folder as diffusers writes it: `,
  ],
  [
    "golden numbers that are not there", ["verify", place("nowhere.json")], 2,
    `ConfigError: cannot read ${place("nowhere.json")}\n  reason   no such file or folder`,
  ],
  [
    "golden numbers of another format", ["verify", other], 2,
    `ConfigError: ${other}: the format is "mine"\n  expected "fromnoise-golden-1"`,
  ],
  [
    "golden numbers in a dtype that the device does not have", ["verify", other, "--device", "wasm", "--dtype", "f64"], 2,
    "ConfigError: --dtype: the wasm device has no f64\n  allowed  f32",
  ],
  [
    "a check that does not exist", ["gradcheck", "--only", "nothing like this"], 2,
    'ConfigError: --only: no check has "nothing like this" in its name\n',
  ],
];

describe("bad input", () => {
  for (const [what, argv, code, err] of cases) {
    it(`is refused in a few lines: ${what}`, async () => {
      const outcome = await fromnoise(...argv);
      const error = outcome.err.slice(
        Math.max(0, outcome.err.search(/^\w+Error: /m)),
      );           // after the lines on data and device
      expect(error.slice(0, err.length)).to.equal(err);
      expect(outcome.code).to.equal(code);
      expect(error.split("\n").length).to.be.lessThan(7);
      expect(outcome.err).not.to.match(/^ +at /m);
      expect(existsSync(place("out"))).to.equal(false);
    });
  }

  it("never touches a run that is there", async () => {
    const argv = ["train", "--data", sheet, "--width", "4,8", "--steps", "1", "--timesteps", "20", "--out", place("run")];
    expect((await fromnoise(...argv)).code).to.equal(0);
    const before = readFileSync(join(place("run"), "checkpoint-1.safetensors"));
    const again = await fromnoise(...argv, "--seed", "3");
    expect(again.code).to.equal(2);
    expect(again.err).to.contain([
      `ConfigError: ${place("run")} already holds a run, saved at step 1`, "  --resume   continues it",
      "  --out DIR  starts a new one elsewhere",
    ].join("\n"));
    const exported = await fromnoise("export", place("run"), "--out", place("run"));
    expect([exported.code, exported.err.split("\n")[0]]).to.deep.equal(
      [2, `ConfigError: ${place("run")} holds a run, whose config.json would be lost`],
    );
    expect(readFileSync(join(place("run"), "checkpoint-1.safetensors")).equals(before)).to.equal(true);
  });
});

describe("help", () => {
  it("lists the commands, with exit code 2 where none was given", async () => {
    const [none, asked] = [await fromnoise(), await fromnoise("--help")];
    expect([none.code, asked.code]).to.deep.equal([2, 0]);
    expect(none.out).to.equal(asked.out);
    expect(await fromnoise("help")).to.deep.equal(asked);
    for (const { name, summary } of commands) expect(asked.out).to.match(new RegExp(`^  ${name} +${summary}$`, "m"));
  });

  it("has the version beside it", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
    expect(await fromnoise("--version")).to.deep.equal({ code: 0, out: version, err: "" });
  });

  it("shows every field of a configuration, and of a sampler under its name", async () => {
    const [train, sample] = [(await fromnoise("train", "--help")).out, (await fromnoise("sample", "--help")).out];
    for (const { name } of flagsOf(trainFields)) expect(train).to.contain(`\n  --${name}`);
    for (const { name, summary, fields } of samplers) {
      const [, section] = sample.split(`--sampler ${name}, ${summary}:\n`);
      for (const flag of flagsOf(fields)) expect(section.split("\n\n")[0]).to.contain(`  --${flag.name} `);
    }
  });

  for (const { name, summary, flags } of commands) {
    it(`of ${name} shows its usage and every flag`, async () => {
      const [asked, other] = [await fromnoise(name, "--help"), await fromnoise("help", name)];
      expect(asked).to.deep.equal({ code: 0, out: other.out, err: "" });
      expect(asked.out.startsWith(`${summary}\n\nusage: fromnoise ${name} `)).to.equal(true);
      for (const flag of flags) expect(asked.out).to.match(new RegExp(`^  --${flag.name}( |$)`, "m"));
    });
  }
});
