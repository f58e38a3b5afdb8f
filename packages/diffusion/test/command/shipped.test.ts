import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { openDevice, type Device } from "@fromnoise/tensor";
import { loadSafetensors, networkOf } from "@fromnoise/nn";
import { configOf } from "../../src/command/train-flags.js";
import { checkpointFormat } from "../../src/models/formats/checkpoint-format.js";
import { fileSource } from "../../src/models/node/file-source.js";
import { loadModel } from "../../src/models/node/load.js";
import { shippedModel, shippedModels } from "../../src/models/node/shipped.js";
import { networkSpec } from "../../src/train/model-fields.js";
import { temporaryFolder } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

const folder = temporaryFolder();

describe("models that come with the package", () => {
  let device: Device;
  before(async () => void (device = await openDevice("reference")));
  after(() => device.dispose());

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
