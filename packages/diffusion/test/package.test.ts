import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(fileURLToPath(new URL("../../..", import.meta.url)));
const packages = ["tensor", "nn", "diffusion"];
const run = (command: string, args: readonly string[], cwd: string): string => execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

const program = `
import { openDevice, tensor, conv2d } from "@fromnoise/tensor";
import { UNet, parameterCount } from "@fromnoise/nn";
import { makeSchedule } from "@fromnoise/diffusion";
import { openDataset } from "@fromnoise/diffusion/node";
const device = await openDevice("reference");
const x = tensor([[[[1], [2]], [[3], [4]]]], { device });
const w = tensor([[[[2]]]], { device });
console.log(JSON.stringify({
  y: Array.from(await conv2d.forward(x, w, undefined, {}).data()),
  T: makeSchedule({ name: "cosine", timesteps: 10 }).T,
  parameters: parameterCount(new UNet({ block_out_channels: [8, 8], down_block_types: ["DownBlock2D", "DownBlock2D"], up_block_types: ["UpBlock2D", "UpBlock2D"], norm_num_groups: 4 })) > 0,
  digits: openDataset("digits").count,
}));
`;

const typed = `
import { openDevice, type Tensor } from "@fromnoise/tensor";
import { Linear } from "@fromnoise/nn";
import { qSample, sampleImages, type DiffusionModel, type NoiseLevel } from "@fromnoise/diffusion";
import { loadModel, trainConfig } from "@fromnoise/diffusion/node";
export const f: (at: NoiseLevel, x0: Tensor, eps: Tensor) => Tensor = (at, x0, eps) => qSample(x0, at, eps);
export const layer: Linear = new Linear("l", 2, 3);
export const c: number = trainConfig({}).steps;
export const d = openDevice("reference");
export const model: Promise<DiffusionModel> = d.then((device) => loadModel("runs/digits", device));
export const images = d.then(async (device) => sampleImages({ model: await model, device, count: 8 }));
`;

describe("the packed packages", function () {
  this.timeout(300_000);
  let folder: string;

  before(() => {
    run("npx", ["tsc", "-b"], root);
    folder = mkdtempSync(join(tmpdir(), "fromnoise-pack-"));
    mkdirSync(join(folder, "node_modules", "@fromnoise"), { recursive: true });
    for (const name of packages) {
      run("npm", ["pack", "--pack-destination", folder, "--loglevel", "error"], join(root, "packages", name));
      const target = join(folder, "node_modules", "@fromnoise", name);
      mkdirSync(target);
      run("tar", ["xzf", join(folder, `fromnoise-${name}-0.1.0.tgz`), "-C", target, "--strip-components", "1"], folder);
    }
    rmSync(join(root, "packages", "diffusion", "data"), { recursive: true, force: true });  // made by prepack
    for (const name of readdirSync(join(root, "node_modules"))) {
      if (name === "@fromnoise" || name.startsWith(".")) continue;
      symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
    }
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("run in a folder of their own on plain Node", () => {
    writeFileSync(join(folder, "program.js"), program);
    expect(JSON.parse(run(process.execPath, ["program.js"], folder))).to.deep.equal({ y: [2, 4, 6, 8], T: 10, parameters: true, digits: 10000 });
  });

  it("type-check in a strict project of a user", () => {
    writeFileSync(join(folder, "typed.ts"), typed);
    const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "false", "typed.ts"];
    expect(run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), ...options], folder)).to.equal("");
  });

  it("carry the command", () => {
    const bin = join(folder, "node_modules", "@fromnoise", "diffusion", "bin", "fromnoise.js");
    expect(existsSync(bin)).to.equal(true);
    expect(run(process.execPath, [bin, "--help"], folder)).to.include("fromnoise COMMAND");
  });

  it("hold no tests and no machine paths", () => {
    for (const name of packages) {
      const listing = run("tar", ["tzf", join(folder, `fromnoise-${name}-0.1.0.tgz`)], folder);
      expect(listing).to.not.match(/\/test\//);
      expect(listing).to.include("dist/index.js");
    }
  });
});
