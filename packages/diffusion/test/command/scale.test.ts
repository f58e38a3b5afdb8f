/** `fromnoise scale`: what it writes, the line that it prints, and what it says is missing. What PyTorch makes of it is `npm run test:scale`. */
import { chmodSync, existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { temporaryFolder, tinyModel, writeSheet } from "../train/fixtures.js";
import { fromnoise, type Outcome } from "./fromnoise.js";

describe("fromnoise scale", () => {
  const folder = temporaryFolder();
  const run = join(folder, "a run");
  /** A program that says it is a Python with this torch, and writes down with what else it is started. */
  const python = (says: string): string => {
    const path = join(folder, `python ${says}`);
    writeFileSync(path, `#!/bin/sh\n[ "$1" = -c ] && { echo ${says}; exit; }\nprintf '%s\\n' "$MALLOC_PERTURB_" "$@" > '${join(folder, "started")}'\nexit 7\n`);
    chmodSync(path, 0o755);
    return path;
  };
  const scaled = (...flags: string[]): Promise<Outcome> => fromnoise("scale", run, ...flags);

  before(async () => {
    const config = join(folder, "train.json");
    writeFileSync(config, JSON.stringify({
      device: "reference", data: writeSheet(folder), holdOut: 2, model: tinyModel, steps: 1, batch: 2, previewEvery: 0, schedule: { timesteps: 30 },
    }));
    const { code, err } = await fromnoise("train", "--config", config, "--out", run);
    expect(code, err).to.equal(0);
  });

  it("writes the images as numbers once, and prints the torchrun line", async () => {
    const modern = python("2.4.1+cu121 3 12 True");
    const { code, out, err } = await scaled("--nproc", "8", "--python", modern, "--until", "40", "--device", "cuda");
    expect(code).to.equal(0);
    expect(err).to.contain("written to");
    const [, program] = /^'.*python 2\.4\.1\+cu121 3 12 True' -m torch\.distributed\.run --standalone --nproc_per_node 8 (\S+) '.*a run' --until 40 --device cuda$/.exec(out)!;
    expect(existsSync(program)).to.equal(true);
    const { mtimeMs } = statSync(join(run, "decoded.safetensors"));
    const machines = await scaled("--nproc", "4", "--nnodes", "3", "--rdzv", "head:29500", "--python", modern);
    expect(machines.out).to.contain("--nnodes 3 --rdzv_backend c10d --rdzv_endpoint head:29500 --rdzv_id fromnoise --nproc_per_node 4 ");
    expect(machines.err).to.contain("already in");
    expect(statSync(join(run, "decoded.safetensors")).mtimeMs).to.equal(mtimeMs);
    expect((await fromnoise("sample", run, "--device", "reference", "--count", "1", "--steps", "1", "--out", join(folder, "samples"))).code).to.equal(0);
    expect((await fromnoise("check", run)).code).to.equal(0);
  });

  it("adds what Debian's PyTorch needs, runs the line where it is asked to, and gives its exit code", async () => {
    const debian = python("1.13.0a0 3 11 False");
    const { code, out } = await scaled("--python", debian, "--run");
    expect(code).to.equal(7);
    expect(out).to.match(/^env MALLOC_PERTURB_=255 '.*' -m torch\.distributed\.run --redirects 9:1 --tee 9:1 --standalone --nproc_per_node 1 /);
    expect(existsSync(join(folder, "started"))).to.equal(true);
  });

  it("says what is missing and how to get it, and prints the line nevertheless", async () => {
    const said = async (program: string, text: string): Promise<void> => {
      const { code, out, err } = await scaled("--python", program, "--run");
      expect(err).to.contain(`missing  ${text}`).and.to.contain("install  apt-get install -y python3-torch");
      expect(out).to.contain("torch.distributed.run");
      expect(code).to.equal(1);
    };
    await said(join(folder, "none"), `${join(folder, "none")}: there is no such program`);
    await said("false", "false has no torch");
    await said(python("1.9.0 3 11 True"), "torch from 1.13 on");
    await said(python("2.0.0 3 8 True"), "Python from 3.9 on");
  });

  it("refuses what is no run, and machines that could not meet", async () => {
    const refused = async (text: string, ...argv: string[]): Promise<void> => {
      const { code, err } = await fromnoise("scale", ...argv);
      expect(err).to.contain(text);
      expect(code).to.equal(2);
    };
    await refused("holds no run", folder);
    await refused("--rdzv is missing", run, "--nnodes", "2");
  });
});
