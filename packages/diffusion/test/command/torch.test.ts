/** Files of PyTorch on the command line: shown, sampled, imported, trained on, and exported. */
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { diffusersFormat } from "../../src/models/formats/diffusers.js";
import { torchFormat } from "../../src/models/formats/torch.js";
import { loadCheckpoint } from "../../src/models/node/load.js";
import { fileSource } from "../../src/models/node/file-source.js";
import { temporaryFolder, writeSheet } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

const folder = temporaryFolder();
const place = (...names: string[]): string => join(folder, ...names);
const fixture = (name: string): string => fileURLToPath(new URL(`../golden/torch/${name}`, import.meta.url));
const golden = JSON.parse(readFileSync(fixture("models.json"), "utf8")) as Readonly<Record<string, { said: object }>>;

async function succeeds(...argv: string[]): Promise<string> {
  const { code, out, err } = await fromnoise(...argv);
  expect(code, err).to.equal(0);
  return out;
}

/** The flag that says what a file does not. */
function saying(name: string): string[] {
  const { said } = golden[name];
  const path = place(`${name}.json`);
  writeFileSync(path, JSON.stringify(said));
  return ["--network", path];
}

describe("files of PyTorch on the command line", () => {
  const data = writeSheet(folder, { channels: 3 });
  const drawing = ["--device", "wasm", "--count", "1", "--steps", "2", "--separate"];

  for (const name of ["model-3.pt", "model000200.pt", "ho.pt"]) {
    it(`${name}: sampled as it is and imported, the same images; trained on from there`, async () => {
      const run = place(`run-${name}`), said = saying(name);
      await succeeds("import", fixture(name), ...said, "--out", run);
      await succeeds("sample", fixture(name), ...said, "--out", place("of-file"), ...drawing);
      await succeeds("sample", run, "--out", place("of-run"), ...drawing);
      expect(readFileSync(place("of-file", "00000.png")).equals(readFileSync(place("of-run", "00000.png")))).to.equal(true);

      const { tensors, ...read } = await torchFormat.read(fileSource(fixture(name)), { network: golden[name].said as Readonly<Record<string, unknown>> });
      const imported = await loadCheckpoint(run);
      expect(imported.info.model).to.deep.include({ network: read.network, prediction: read.prediction, variance: read.variance });
      for (const [key, { data: values }] of tensors) expect(imported.tensors.get(`ema.${key}`)!.data, key).to.deep.equal(values);
      if (name === "model-3.pt") {
        const [key, { data: averaged }] = [...tensors][0];
        expect(Array.from(imported.tensors.get(`model.${key}`)!.data)).to.deep.equal(Array.from(averaged, (v) => -v));
        expect(imported.info.training).to.include({ weighting: "snr", prediction: "x0" });
      }

      if (read.network.kind === "unet") {
        await succeeds("export", run, "--out", place(`diffusers-of-${basename(name, ".pt")}`));
        const back = await diffusersFormat.read(fileSource(place(`diffusers-of-${basename(name, ".pt")}`)));
        expect(back.network).to.deep.equal(read.network);
        expect([...back.tensors.keys()].sort()).to.deep.equal([...tensors.keys()].sort());
        for (const [key, { data: values }] of tensors) expect(back.tensors.get(key)!.data, key).to.deep.equal(values);
      } else {
        const { code, err } = await fromnoise("export", run, "--out", place("nowhere"));
        expect([code, err]).to.deep.equal([2, 'ConfigError: diffusers has no network of kind "lucidrains"\n  allowed  unet']);
      }
      const written = place(`back-${name}`);
      await succeeds("export", run, "--out", written);
      const options = read.network.kind === "unet" ? { network: read.network.config } : { network: { image_size: 8 } };
      const again = await torchFormat.read(fileSource(written), options);
      expect(again.network).to.deep.equal(read.network);
      expect(again.tensors.size).to.equal(tensors.size);
      for (const [key, { shape, data: values }] of tensors) expect(again.tensors.get(key), key).to.deep.equal({ dtype: "float32", shape, data: values });
      if (read.network.kind === "lucidrains") expect([again.process, again.prediction, again.trained]).to.deep.equal([read.process, read.prediction, read.trained]);

      await succeeds("train", "--out", run, "--resume", "--data", data, "--steps", "3", "--device", "wasm", "--preview-every", "0");
      const trained = await loadCheckpoint(run);
      expect(basename(trained.path)).to.equal("checkpoint-3.safetensors");
      const moved = [...tensors.keys()].filter((key) => trained.tensors.get(`model.${key}`)!.data.some((v, i) => v !== imported.tensors.get(`model.${key}`)!.data[i]));
      expect(moved.length).to.be.above(tensors.size * 0.9);
    });
  }

  it("is shown, with what was taken for granted", async () => {
    const text = await succeeds("inspect", fixture("model-1.pt"), "--size", "8");
    expect(text).to.match(/format +torch\.save, denoising-diffusion-pytorch/);
    expect(text).to.match(/assumed +resnet_block_groups 8/);
  });

  it("needs --network where names do not tell the network, and takes it for no other kind of file", async () => {
    const path = place("none.json");
    writeFileSync(path, "{}");
    const { tensors, network } = await torchFormat.read(fileSource(fixture("ho.pt")));
    expect(tensors.size).to.be.above(50);
    writeFileSync(place("unet.json"), JSON.stringify(network));
    const { err } = await fromnoise("sample", place("run-ho.pt"), "--network", path);
    expect(err).to.match(/--network is not for .*checkpoint-/);
    const missing = await fromnoise("sample", fixture("ho.pt"), "--network", place("nowhere.json"));
    expect(missing.err).to.match(/cannot read .*nowhere\.json/);
  });
});
