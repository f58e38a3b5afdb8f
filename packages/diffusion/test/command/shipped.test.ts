import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { openDevice, type Device } from "@fromnoise/tensor";
import { loadSafetensors, networkOf } from "@fromnoise/nn";
import { recipesPage, type RecipeResults } from "../../../../docs/recipes-page.js";
import { configOf } from "../../src/command/train-flags.js";
import { checkpointFormat } from "../../src/models/formats/checkpoint-format.js";
import { fileSource } from "../../src/models/node/file-source.js";
import { loadModel } from "../../src/models/node/load.js";
import { shippedModel, shippedModels } from "../../src/models/node/shipped.js";
import { networkSpec } from "../../src/train/model-fields.js";
import { temporaryFolder } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

const folder = temporaryFolder();
const docs = fileURLToPath(new URL("../../../../docs/", import.meta.url));

const results = JSON.parse(readFileSync(join(docs, "recipes.json"), "utf8")) as RecipeResults;

describe("models that come with the package", () => {
  let device: Device;
  before(async () => void (device = await openDevice("reference")));
  after(() => device.dispose());

  it("are those that docs/recipes.md has figures of", () => {
    const figures = Object.values(results).filter(({ samples }) => samples !== undefined).map(({ name }) => name);
    expect(shippedModels()).to.have.members(figures);
  });

  for (const name of shippedModels()) {
    it(`${name} is small, averaged weights of its recipe in half precision, and says what it scored`, async () => {
      const path = shippedModel(name), { size } = statSync(path);
      expect(size).to.be.at.most(name === "digits-16" ? 400_000 : 4_000_000);
      const { tensors } = await loadSafetensors(path);
      for (const [tensor, { dtype }] of tensors) expect([tensor.slice(0, 4), dtype], tensor).to.deep.equal(["ema.", "F16"]);
      const model = await loadModel(path, device), config = configOf(new Map([["recipe", name]]));
      expect(model.network.spec).to.deep.equal(networkOf(networkSpec(config.model)).spec);
      expect(model.training).to.deep.include({ data: config.data, steps: config.steps, prediction: config.prediction, schedule: config.schedule });
      const { facts, step } = await checkpointFormat.describe(fileSource(path));
      const { samples, length } = facts["recipe"] as { samples: { frechet: number }; length: number };
      expect([step, facts["average"]]).to.deep.equal([config.steps, { step: config.steps, length }]);
      expect(samples.frechet).to.be.above(0);
    });

    it(`${name} is drawn, inspected and exported by the recipe's name`, async () => {
      const succeeds = async (...argv: string[]): Promise<string> => {
        const { code, out, err } = await fromnoise(...argv);
        expect(code, err).to.equal(0);
        return out + err;
      };
      const out = join(folder, name);
      expect(await succeeds("sample", "--recipe", name, "--count", "2", "--steps", "2", "--device", "wasm:threads=1", "--out", out)).to.contain(`models/${name}.safetensors`);
      expect(existsSync(join(out, "samples.png"))).to.equal(true);
      expect(JSON.parse(await succeeds("inspect", "--recipe", name, "--json"))).to.have.nested.property("source.recipe.name", name);
      await succeeds("export", "--recipe", name, "--out", join(folder, `${name}-diffusers`));
    });
  }

  it("are refused where there are none, and beside another model", async () => {
    const refused = async (...argv: string[]): Promise<string> => {
      const { code, err } = await fromnoise(...argv);
      expect(code).to.equal(2);
      return err;
    };
    expect(await refused("sample", "--recipe", "celeba-64")).to.equal([
      'ConfigError: no model of the recipe "celeba-64" comes with the package', `  allowed  ${shippedModels().join(", ") || "none"}`, "  hint     fromnoise train --recipe celeba-64 trains one",
    ].join("\n"));
    expect(await refused("sample", "runs/x", "--recipe", "digits-16")).to.contain("a path and --recipe are two models");
    expect(await refused("sample")).to.contain("or   fromnoise sample --recipe NAME");
    expect(await refused("evaluate", "--recipe", "digits-16", "--images", "digits", "--data", "digits")).to.contain("either a model or --images");
    expect(await refused("likelihood", "--recipe", "nobody's")).to.contain("--recipe");
  });
});

describe("docs/recipes.md", () => {
  it("is what its figures give, and shows pictures that are there", () => {
    const page = readFileSync(join(docs, "recipes.md"), "utf8");
    expect(page).to.equal(recipesPage(results));
    for (const [, picture] of page.matchAll(/\]\((images\/[^)]+)\)/g)) expect(existsSync(join(docs, picture)), picture).to.equal(true);
  });

  it("shows samples beside held-out images, the length chosen among others, and of images of one's own the time of a step", () => {
    const figures = { frechet: 3.21, precision: 0.9, recall: 0.8, copied: 0.001 };
    const common = { network: "U-Net of 32 at 16x16x3", parameters: 1575219, processor: "P", node: "v24", device: "wasm", sampling: { sampler: "ddim", options: { steps: 50 }, guidance: 2 } };
    const page = recipesPage({
      "pixel-faces": {
        ...common, name: "pixel-faces", steps: 6000, batch: 16, seconds: 7260, length: 0.1, features: "pixel-faces", compared: 400, bytes: 3184486, lossRatio: 1.01,
        lengths: [{ length: 0.05, error: 0, ...figures, frechet: 4 }, { length: 0.1, error: 0.0058, ...figures }], samples: figures, heldOut: { ...figures, frechet: 1.5 },
      },
      "celeba-64": { ...common, name: "celeba-64", steps: 100000, batch: 32, lengths: [], secondsPerImage: 0.5, timedImages: 2 },
    });
    for (const line of [
      "Drawn faces of 16x16 in colour: `fromnoise train --recipe pixel-faces`. U-Net of 32 at 16x16x3, 1,575,219 parameters; 6,000 steps of 16 images, 2.0 hours at the pace of a step alone"
        + " (P, Node v24, wasm). Samples by ddim, steps 50, guidance 2.",
      "| 400 samples | 3.21 | 0.900 | 0.800 | 0.0010 |", "| 400 held-out images | 1.50 | 0.900 | 0.800 | 0.0010 |",
      "| length | 0.05 | **0.1** |", "| Frechet distance | 4.00 | 3.21 |", "| profile met to | 0 % | 0.58 % |",
    ]) expect(page.split("\n")).to.include(line);
    expect(page).to.contain("a step of 32 takes some 16 seconds and the training 19 days").and.contain("**Its quality was not measured.**");
  });
});
