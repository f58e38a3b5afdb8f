import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { readChecked } from "../bench/src/checked-json.js";
import { picturesOf } from "../docs/markdown.js";
import { lengthChart, recipesPage, resultsSchema } from "../docs/recipes-page.js";
import { shippedModels } from "../packages/diffusion/src/models/node/shipped.js";

const docs = fileURLToPath(new URL("../docs/", import.meta.url));
const results = readChecked(join(docs, "recipes.json"), "results of recipes", resultsSchema);

describe("docs/recipes.md", () => {
  it("has figures of the models that come with the package", () => {
    const figures = Object.values(results).filter(({ samples }) => samples !== undefined).map(({ name }) => name);
    expect(shippedModels()).to.have.members(figures);
  });

  it("is what its figures give, and shows pictures that are there", () => {
    const page = readFileSync(join(docs, "recipes.md"), "utf8");
    expect(page).to.equal(recipesPage(results));
    for (const picture of picturesOf(page)) expect(existsSync(join(docs, picture)), picture).to.equal(true);
    for (const result of Object.values(results).filter(({ lengths }) => lengths.length > 0)) {
      expect(readFileSync(join(docs, `images/recipe-${result.name}-lengths.svg`), "utf8"), result.name).to.equal(lengthChart(result));
    }
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
