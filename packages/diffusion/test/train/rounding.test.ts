import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Device, openDevice } from "@fromnoise/tensor";
import { openWasm } from "../../../tensor/src/backends/wasm/index.js";
import { hasRelaxedSimd } from "../../../tensor/src/backends/wasm/machine/loader.js";
import { loadCheckpoint } from "../../src/models/node/load.js";
import type { ResumeOverrides } from "../../src/train/config.js";
import { trainRun, type RunOptions } from "../../src/train/node/run.js";
import { temporaryFolder, tinyConfig, tinyModel, writeSheet } from "./fixtures.js";

const folder = temporaryFolder();
const data = writeSheet(folder);
const model = { ...tinyModel, block_out_channels: [8, 16], norm_num_groups: 4 };

type Open = NonNullable<RunOptions["openDevice"]>;
/** As the command opens devices, and as it does with --no-revectorize. */
const asCommand: Open = (spec, wasm) => openDevice(spec, { ...wasm, revectorize: "auto" });
const withoutFlags: Open = (spec, wasm) => openDevice(spec, { ...wasm, revectorize: false });
/** From before checkpoints said how multiply-adds were rounded. */
const silent: Open = async () => {
  const { multiplyAdds: _, ...backend } = await openWasm({ threads: 1, revectorize: false });
  return Device.over("wasm", backend);
};

/** Trains to so many steps, of a new run or one that goes on; the lines said and the state at the end. */
async function train(out: string, steps: number, openDevice: Open, changes?: ResumeOverrides): Promise<{ lines: string[]; end: Buffer; rounding: unknown }> {
  const config = tinyConfig({ data, model, device: "wasm:threads=1", steps });
  const start = changes === undefined ? { config } : { resume: { ...changes, steps } };
  const lines: string[] = [];
  const { trainer } = await trainRun({ start, out: join(folder, out), openDevice, onLine: (line) => lines.push(line) });
  await trainer.device.dispose();
  const path = join(folder, out, `checkpoint-${steps}.safetensors`);
  const { info: { position }, tensors } = await loadCheckpoint(path);
  const end = Buffer.concat([...tensors.values()].map(({ data: values }) => Buffer.from(Float32Array.from(values).buffer)));
  expect(readFileSync(path).length).to.be.above(end.length);
  return { lines, end, rounding: position?.multiplyAdds };
}

const said = (lines: readonly string[]): string[] => lines.filter((line) => /^(warning|note)/.test(line));

describe("a run that is resumed", function () {
  this.timeout(60_000);

  it("goes on with the bits it began with where its multiply-adds can be had, and notes them", async () => {
    const whole = await train("whole", 4, asCommand);
    expect([whole.rounding, said(whole.lines)]).to.deep.equal(["fused", []]);
    await train("stopped", 2, asCommand);
    const resumed = await train("stopped", 4, asCommand, {});
    expect([resumed.rounding, said(resumed.lines)]).to.deep.equal(["fused", []]);
    expect(resumed.end.equals(whole.end)).to.equal(true);
  });

  it("stays separate on a device that would fuse", async () => {
    const whole = await train("separate", 4, (spec, wasm) => openDevice(spec, { ...wasm, multiplyAdds: "separate" }));
    await train("separate-stopped", 2, (spec, wasm) => openDevice(spec, { ...wasm, multiplyAdds: "separate" }));
    const resumed = await train("separate-stopped", 4, asCommand, {});
    expect([resumed.rounding, said(resumed.lines)]).to.deep.equal(["separate", []]);
    expect(resumed.end.equals(whole.end)).to.equal(true);
    const fused = await train("fused", 4, asCommand);
    expect(fused.end.equals(whole.end), "the two differ").to.equal(false);
  });

  it("with the revectorizer or without it gives the same bits where relaxed SIMD needs no flag, else says that it does not", async () => {
    const whole = await train("with", 4, asCommand);
    await train("without", 2, asCommand);
    const resumed = await train("without", 4, withoutFlags, {});
    expect(resumed.end.equals(whole.end)).to.equal(hasRelaxedSimd());
    expect(said(resumed.lines)).to.deep.equal(hasRelaxedSimd() ? [] : [
      "warning  the run was computed with fused multiply-adds, this device has separate ones: last bits are no longer what they would have been",
    ]);
  });

  it("says so where another device was asked for", async () => {
    await train("moved", 2, asCommand);
    const { lines, rounding } = await train("moved", 4, asCommand, { device: "wasm:deterministic,threads=1" });
    expect(said(lines)).to.have.length(1);
    expect([said(lines)[0].slice(0, 53), rounding]).to.deep.equal(["warning  the run was computed with fused multiply-add", "separate"]);
  });

  it("without a note of its rounding goes on as this Node does without flags, and says so", async () => {
    const whole = await train("old-whole", 4, withoutFlags);
    await train("old", 2, silent);
    const { lines, end } = await train("old", 4, asCommand, {});
    const now = hasRelaxedSimd() ? "fused" : "separate";
    expect(said(lines)).to.deep.equal([`note     the checkpoint does not say how its multiply-adds were rounded; from here on they are ${now}`]);
    expect(end.equals(whole.end)).to.equal(true);
  });
});
