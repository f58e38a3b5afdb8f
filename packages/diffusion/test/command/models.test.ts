import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { loadSafetensors } from "@fromnoise/nn";
import { readImage } from "../../src/image/node/index.js";
import { loadCheckpoint } from "../../src/models/node/load.js";
import { temporaryFolder, tinyModel, writeSheet } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

const folder = temporaryFolder();
const place = (...names: string[]): string => join(folder, ...names);
const cifar = {
  sample_size: 32, in_channels: 3, out_channels: 3, center_input_sample: false, time_embedding_type: "positional",
  freq_shift: 1, flip_sin_to_cos: false,
  down_block_types: ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
  up_block_types: ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
  block_out_channels: [128, 256, 256, 256], layers_per_block: 2, mid_block_scale_factor: 1, downsample_padding: 0, act_fn: "silu",
  attention_head_dim: null, norm_num_groups: 32, norm_eps: 1e-6, _class_name: "UNet2DModel", _diffusers_version: "0.0.4",
};

async function succeeds(...argv: string[]): Promise<string> {
  const { code, out, err } = await fromnoise(...argv);
  expect(code, err).to.equal(0);
  return out;
}

/** Width and height of the pictures a command wrote. */
function sizes(path: string, names: readonly string[]): [number, number][] {
  return names.map((name) => readImage(join(path, name))).map(({ width, height }) => [width, height]);
}

describe("models on the command line", () => {
  before(async () => {
    writeFileSync(place("train.json"), JSON.stringify({
      device: "reference", data: writeSheet(folder, { channels: 3 }), model: { ...tinyModel, in_channels: 3, out_channels: 3 }, steps: 2, batch: 2,
      previewEvery: 2, optimizer: { lr: 0.05 }, lrSchedule: { name: "constant" },
      schedule: { name: "sigmoid", timesteps: 12 }, prediction: "v", sampling: { variance: "fixed-large", clipX0: false },
    }));
    await succeeds("train", "--config", place("train.json"), "--out", place("run"));
    await succeeds("train", "--config", place("train.json"), "--dtype", "f64", "--seed", "5", "--out", place("run64"));
  });

  describe("fromnoise sample", () => {
    it("writes a grid, the way from noise and the guesses on the way, and every image when asked", async () => {
      const out = await succeeds(
        "sample", place("run"), "--out", place("samples"), "--count", "10", "--batch", "4", "--steps", "6", "--separate",
      );
      expect(out).to.equal(
        `wrote 10 images to ${place("samples", "samples.png")}, the way there to denoising.png and x0.png beside it`,
      );
      const images = Array.from({ length: 10 }, (_, i) => `0000${i}.png`);
      expect(readdirSync(place("samples")).sort()).to.deep.equal([...images, "denoising.png", "samples.png", "x0.png"]);
      const cell = 96 + 2;                                            // 8 pixels 12 times enlarged, and a gap
      const [grid, way, guesses] = sizes(place("samples"), ["samples.png", "denoising.png", "x0.png"]);
      expect(grid).to.deep.equal([4 * cell + 2, 3 * cell + 2]);
      expect([way[0], guesses[0]]).to.deep.equal([7 * cell + 2, 6 * cell + 2]);
      expect([way[1], guesses[1]]).to.deep.equal([4 * cell + 2, 4 * cell + 2]);
      expect(sizes(place("samples"), ["00000.png", "00009.png"])).to.deep.equal([[8, 8], [8, 8]]);
    });

    it("draws the same images from the same seed, others from another seed, sampler or weights", async () => {
      const draw = async (...flags: string[]): Promise<string> => {
        await succeeds("sample", place("run"), "--out", place("drawn"), "--count", "1", ...flags);
        return readFileSync(place("drawn", "samples.png")).toString("base64");
      };
      const first = await draw();
      expect(await draw()).to.equal(first);
      expect(await draw("--steps", "12")).to.equal(first);                                     // at most 50 of the 12 steps
      const others = [
        ["--seed", "1"], ["--eta", "0.5"], ["--steps", "5"], ["--sampler", "ancestral"],
        ["--sampler", "ancestral", "--variance", "fixed-small"],
        ["--weights", "model"], ["--spacing", "leading", "--steps", "5"], ["--clip-x0"],
      ];
      const drawn = new Set([first]);
      for (const flags of others) drawn.add(await draw(...flags));
      expect(drawn.size).to.equal(1 + others.length);
    });

    it("draws another size, and refuses what does not fit the sampler or the model", async () => {
      await succeeds(
        "sample", place("run"), "--out", place("large"), "--count", "1", "--steps", "2", "--size", "16", "--separate",
      );
      expect(sizes(place("large"), ["00000.png"])).to.deep.equal([[16, 16]]);
      const refusal = async (...flags: string[]): Promise<[number | null, string]> => {
        const { code, err } = await fromnoise("sample", place("run"), "--out", place("none"), ...flags);
        return [code, err.split("\n").find((line) => line.includes("Error"))!];
      };
      expect(await refusal("--variance", "fixed-small")).to.deep.equal(
        [2, "ConfigError: --variance means nothing to the ddim sampler"],
      );
      expect(await refusal("--sampler", "ancestral", "--eta", "1")).to.deep.equal(
        [2, "ConfigError: --eta means nothing to the ancestral sampler"],
      );
      expect(await refusal("--steps", "13")).to.deep.equal(
        [2, "ConfigError: sampling steps: 13 does not fit a schedule of 12 steps"],
      );
      expect(await refusal("--eta", "2")).to.deep.equal([2, "ConfigError: --eta: 2 is not allowed"]);
      expect(await refusal("--class", "1")).to.deep.equal([2, "ConfigError: --class: the model has no classes"]);
      expect(await refusal("--size", "9")).to.deep.equal([1, "ShapeError: U-Net: the sides of x must be multiples of 2"]);
    });
  });

  it("can be class-conditional", async () => {
    const device = ["--device", "wasm:threads=1"];
    await succeeds(
      "train", "--data", "digits", "--classes", "--width", "4,8", "--steps", "1", "--batch", "2", "--preview-every", "0",
      "--out", place("classes"), ...device,
    );
    const draw = async (digit: string): Promise<string> => {
      await succeeds(
        "sample", place("classes"), "--out", place("digit"), "--count", "1", "--steps", "2", "--class", digit, ...device,
      );
      return readFileSync(place("digit", "samples.png")).toString("base64");
    };
    expect(await draw("3")).not.to.equal(await draw("4"));
    const { code, err } = await fromnoise("sample", place("classes"), "--class", "10", ...device);
    expect([code, err.split("\n").slice(-2)]).to.deep.equal(
      [2, ["ConfigError: --class: 10 is not allowed", "  allowed  0 .. 9"]],
    );
  });

  describe("fromnoise export and import", () => {
    it("give the same samples bit for bit as the run, in f32 and f64, with its schedule, prediction and variance", async () => {
      for (const run of ["run", "run64"]) {
        await succeeds("export", place(run), "--out", place(`${run}-exported`));
        await succeeds("import", place(`${run}-exported`), "--out", place(`${run}-imported`));
        const pictures = [];
        for (const model of [run, `${run}-exported`, `${run}-imported`]) {
          await succeeds("sample", place(model), "--out", place("same"), "--count", "2", "--sampler", "ancestral");
          pictures.push(
            ["samples.png", "denoising.png", "x0.png"].map((name) => readFileSync(place("same", name)).toString("base64")),
          );
        }
        expect(pictures[1]).to.deep.equal(pictures[0]);
        expect(pictures[2]).to.deep.equal(pictures[0]);
      }
    });

    it("write diffusers' names, layouts and scheduler fields", async () => {
      await succeeds("export", place("run"), "--out", place("diffusers"), "--weights", "model");
      const { tensors, metadata } = await loadSafetensors(place("diffusers", "unet", "diffusion_pytorch_model.safetensors"));
      const checkpoint = await loadCheckpoint(place("run", "checkpoint-2.safetensors"), (name) => name.startsWith("model."));
      expect(metadata).to.deep.equal({ format: "pt" });
      expect(new Map([...tensors].map(([name, tensor]) => [`model.${name}`, tensor]))).to.deep.equal(checkpoint.tensors);
      const json = (name: string): Record<string, unknown> => JSON.parse(
        readFileSync(place("diffusers", name), "utf8"),
      ) as Record<string, unknown>;
      expect(json("unet/config.json")).to.include(
        { _class_name: "UNet2DModel", act_fn: "silu", sample_size: 8, in_channels: 3, attention_head_dim: null },
      );
      const scheduler = json("scheduler/scheduler_config.json");
      expect(scheduler).to.include({
        _class_name: "DDPMScheduler", num_train_timesteps: 12, prediction_type: "v_prediction",
        variance_type: "fixed_large", clip_sample: false,
      });
      expect(scheduler["trained_betas"]).to.have.length(
        12,
      );                                   // diffusers' sigmoid is another curve
    });

    it("bring back what diffusers has no name for: betas, clipping to a range, the network's eps", async () => {
      await succeeds("export", place("run"), "--out", place("theirs"));
      const betas = Array.from({ length: 10 }, (_, t) => 0.01 + 0.03 * t * t / 81);
      const fields = {
        _class_name: "DDIMScheduler", num_train_timesteps: 10, trained_betas: betas, clip_sample_range: 0.5, prediction_type: "sample",
        thresholding: false, timestep_spacing: "leading", set_alpha_to_one: false, lambda_min_clipped: "-Infinity",
      };
      const scheduler = place("theirs", "scheduler", "scheduler_config.json");
      writeFileSync(scheduler, JSON.stringify(fields).replace('"-Infinity"', "-Infinity"));
      await succeeds("import", place("theirs"), "--out", place("ours"));
      const drawn = async (model: string): Promise<string> => {
        await succeeds("sample", place(model), "--out", place("drawn-again"), "--count", "2", "--steps", "4");
        return readFileSync(place("drawn-again", "samples.png")).toString("base64");
      };
      const first = await drawn("theirs");
      expect(await drawn("ours")).to.equal(first);

      await succeeds("export", place("ours"), "--out", place("back"));
      expect(await drawn("back")).to.equal(first);
      for (const file of ["unet/diffusion_pytorch_model.safetensors", "unet/config.json"]) {
        expect(readFileSync(place("back", file)).equals(readFileSync(place("theirs", file))), file).to.equal(true);
      }
      expect(JSON.parse(readFileSync(place("back", "scheduler", "scheduler_config.json"), "utf8"))).to.deep.include({
        _class_name: "DDPMScheduler", trained_betas: betas, clip_sample: true, clip_sample_range: 0.5, prediction_type: "sample",
        _fromnoise_clip: { to: 0.5, eps: "keep" },
      });

      await succeeds("train", "--resume", "--out", place("ours"), "--data", writeSheet(folder, { channels: 3 }), "--steps", "2", "--preview-every", "0");
      const { info: { model } } = await loadCheckpoint(place("ours", "checkpoint-2.safetensors"), () => false);
      expect(model.process).to.deep.include({ name: "betas", timesteps: 10, betas });
      expect(model.clipX0).to.deep.equal({ to: 0.5, eps: "keep" });
      await succeeds("export", place("ours"), "--out", place("trained"), "--weights", "model");
      const [before, after] = ["theirs", "trained"].map((name) => readFileSync(place(name, "unet/diffusion_pytorch_model.safetensors")));
      expect(after.length).to.equal(before.length);
      expect(after.equals(before)).to.equal(false);
    });

    it("know rectified flow and EDM's process there, of which only the first has a pipeline", async () => {
      for (const [kind, written] of [["flow", "unet, scheduler, model_index.json"], ["edm", "unet, scheduler"]] as const) {
        writeFileSync(place(`${kind}.json`), JSON.stringify({
          device: "reference", data: writeSheet(folder, { channels: 3 }), model: { ...tinyModel, in_channels: 3, out_channels: 3 }, steps: 1, batch: 2,
          previewEvery: 0, schedule: { name: kind }, prediction: kind,
        }));
        await succeeds("train", "--config", place(`${kind}.json`), "--out", place(kind));
        expect(await succeeds("export", place(kind), "--out", place(`${kind}-there`))).to.equal(`wrote ${place(`${kind}-there`)}: ${written}`);
        await succeeds("import", place(`${kind}-there`), "--out", place(`${kind}-back`));
        const pictures = [];
        for (const model of [kind, `${kind}-there`, `${kind}-back`]) {
          await succeeds("sample", place(model), "--out", place("same"), "--count", "2", "--steps", "3");
          pictures.push(readFileSync(place("same", "samples.png")).toString("base64"));
        }
        expect(pictures[1]).to.equal(pictures[0]);
        expect(pictures[2]).to.equal(pictures[0]);
      }
    });

    it("write weights in half precision, which come back as they were written", async () => {
      await succeeds("export", place("run64"), "--variant", "fp16", "--out", place("half"));
      await succeeds("import", place("half"), "--variant", "fp16", "--out", place("half-run"));
      await succeeds("export", place("half-run"), "--variant", "fp16", "--out", place("half-again"));
      const file = "unet/diffusion_pytorch_model.fp16.safetensors";
      expect(readFileSync(place("half-again", file)).equals(readFileSync(place("half", file)))).to.equal(true);
      const [whole, half] = [await loadCheckpoint(place("run64")), await loadSafetensors(place("half", file))];
      for (const [name, { data, dtype }] of half.tensors) {
        expect(dtype).to.equal("F16");
        const exact = whole.tensors.get(`ema.${name}`)!.data;
        expect(data.every((value, i) => Math.abs(value - exact[i]) <= Math.max(Math.abs(exact[i]) * 2 ** -11, 2 ** -25)), name).to.equal(true);
      }
    });

    it("read a variant where it is asked for", async () => {
      await succeeds("export", place("run"), "--out", place("variant"));
      renameSync(place("variant", "unet", "diffusion_pytorch_model.safetensors"), place("variant", "unet", "diffusion_pytorch_model.fp16.safetensors"));
      const { code, err } = await fromnoise("sample", place("variant"), "--count", "1", "--steps", "2", "--out", place("none"));
      expect([code, err]).to.deep.equal([1, [
        `CheckpointError: ${place("variant")} holds no weights`, "  expected diffusion_pytorch_model.safetensors beside a config.json, or both in unet/",
        "  found    the variant fp16", '  hint     --variant fp16 reads it, { variant: "fp16" } in code',
      ].join("\n")]);
      await succeeds("sample", place("variant"), "--variant", "fp16", "--count", "1", "--steps", "2", "--out", place("none"));
      await succeeds("import", place("variant"), "--variant", "fp16", "--out", place("variant-run"));
    });

    it("make a run that goes on from the imported weights", async () => {
      await succeeds("import", place("run-exported"), "--out", place("tuned"));
      const data = writeSheet(folder, { channels: 3 });
      await succeeds("train", "--resume", "--out", place("tuned"), "--data", data, "--steps", "1", "--preview-every", "0");
      const { info } = await loadCheckpoint(place("tuned", "checkpoint-1.safetensors"), () => false);
      expect([info.position!.step, info.training!.prediction, info.training!.data]).to.deep.equal([1, "v", data]);
    });
  });

  describe("fromnoise inspect", () => {
    it("counts the parameters and multiply-adds of google/ddpm-cifar10-32 from its config alone", async () => {
      writeFileSync(place("cifar.json"), JSON.stringify(cifar));
      const out = await succeeds("inspect", place("cifar.json"), "--layers");
      expect(out).to.match(/^ {2}parameters +35,746,307 in 328 tensors$/m);
      expect(out).to.contain("one forward pass of 1 image of 32x32\n");
      expect(out).to.match(/^6,054 MMAC with weights \(convolutions, linear layers\), 168 among activations \(attention\)$/m);
      const { total, parameters } = JSON.parse(await succeeds("inspect", place("cifar.json"), "--json")) as {
        total: Record<string, number>; parameters: unknown[],
      };
      expect(parameters).to.have.length(328);
      expect(total["macs"] - total["weightMacs"]).to.equal(
        5 * 2 * 256 ** 3 + 2 * 16 ** 2 * 256,
      ); // Q K^T and A V: five at 16x16, one at 4x4
    });

    it("shows a checkpoint: where it comes from, how it was trained, its tensors and costs", async () => {
      const out = await succeeds("inspect", place("run"), "--layers");
      const file = place("run", "checkpoint-2.safetensors");
      for (const line of [
        `  file        ${file}`, "  step        2 of 2", "  predicts    v", "  weights     ema, model", "  prediction       v",
        "  block_out_channels       [4,8]",
      ]) expect(out.split("\n")).to.include(line);
      expect(out).to.match(/^ {2}conv_in\.weight +\[4, 3, 3, 3\] +108$/m);
      expect(out).to.match(/^ {2}conv_in +112 +1 +0\.007 +1\.0$/m);
      const json = JSON.parse(await succeeds("inspect", place("run"), "--json", "--batch", "3")) as Record<string, unknown> & {
        layers: { layer: string; parameters: number; macs: number; bytes: number; kernels: number }[]; total: {
          parameters: number; macs: number,
        };
      };
      expect(Object.keys(json)).to.deep.equal(["source", "kind", "process", "prediction", "variance", "clipX0", "step", "steps", "weights", "config", "parameters", "batch", "size", "layers", "total"]);
      expect(json.layers.find(({ layer }) => layer === "conv_in")).to.deep.equal({
        layer: "conv_in", parameters: 112, kernels: 1, macs: 3 * 64 * 27 * 4, bytes: 3 * 64 * 4 * 4,
      });
      expect(json.layers.reduce((sum, { parameters }) => sum + parameters, 0)).to.equal(json.total.parameters);
    });

    it("takes a run's config.json, a folder of diffusers, and another size", async () => {
      const parameters = (out: string): string => /parameters .*/.exec(out)![0];
      const run = parameters(await succeeds("inspect", place("run")));
      expect(parameters(await succeeds("inspect", place("run", "config.json")))).to.equal(run);
      await succeeds("export", place("run"), "--out", place("shown"));
      expect(parameters(await succeeds("inspect", place("shown")))).to.equal(run);
      expect(await succeeds("inspect", place("shown"), "--size", "16")).to.match(/one pass .* for 1 image of 16x16$/m);
    });
  });
});

describe("fromnoise gradcheck", () => {
  it("prints a line for each check, and passes", async () => {
    const out = await succeeds("gradcheck", "--only", "linear ");
    const lines = out.split("\n");
    expect(lines[0]).to.match(/^check +inputs +compared +max abs +max rel +norm rel$/);
    expect(lines.at(-1)).to.match(/^(\d+) of \1 checks passed$/);
    for (const line of lines.slice(1, -1)) expect(line).to.match(
      /^linear .* +[1-3] +\d+ +\d\.\de-\d+ +\d\.\de-\d+ +\d\.\de-\d+ {2}ok$/i,
    );
  });

  it("exits with 1 and shows the worst elements where a check fails", async () => {
    const { code, out } = await fromnoise("gradcheck", "--only", "FourierFeatures", "--rtol", "0");
    expect(code).to.equal(1);
    expect(out).to.match(/ {2}WRONG$/m);
    expect(out.split("\n").at(-1)).to.match(/^\d+ of \d+ checks FAILED$/);
  });

  it("lists every op, layer and network", async () => {
    const names = (await succeeds("gradcheck", "--list")).split("\n");
    for (const start of ["conv2d ", "groupNorm ", "attention ", "ResBlock ", "Attention ", "UNet "]) {
      expect(names.some((name) => name.startsWith(start)), start).to.equal(true);
    }
    expect(new Set(names).size).to.equal(names.length);
  });
});
