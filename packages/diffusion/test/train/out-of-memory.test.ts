import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Device } from "@fromnoise/tensor";
import { expect } from "chai";
import { NoRoomError } from "../../../tensor/src/core/errors.js";
import { openWasm } from "../../../tensor/src/backends/wasm/index.js";
import { Memory } from "../../../tensor/src/backends/wasm/machine/memory.js";
import { saveCheckpoint } from "../../src/train/checkpoint.js";
import { Trainer } from "../../src/train/trainer.js";
import { temporaryFolder, tinyConfig, tinyDataset } from "./fixtures.js";

const folder = temporaryFolder();
const config = tinyConfig({ data: "digits", device: "wasm:threads=1", batch: 2 });
/** Every allocation where FROMNOISE_TORTURE=1 asks for it; else every seventh, from another first one each day. */
const [first, stride] = process.env["FROMNOISE_TORTURE"] === "1" ? [1, 1] : [1 + (Math.floor(Date.now() / 864e5) % 7), 7];

/** Runs `work` with a memory whose n-th allocation from now on finds no room; the number of allocations. */
async function failingAt(n: number, work: () => Promise<unknown>): Promise<{ allocations: number; error: unknown }> {
  const { allocate } = Memory.prototype;
  let allocations = 0;
  Memory.prototype.allocate = function (this: Memory, bytes, purpose) {
    if (++allocations === n) throw new NoRoomError(`wasm: no room for ${bytes} bytes`, [`for      ${purpose()}`]);
    return allocate.call(this, bytes, purpose);
  };
  try {
    return { error: await work().then(() => undefined, (error: unknown) => error), allocations };
  } finally {
    Memory.prototype.allocate = allocate;
  }
}

describe(`a training step that runs out of memory (allocations ${first}, ${first + stride}, ...)`, function () {
  this.timeout(120000);

  it("at any allocation leaves the run as it was before the step: the next steps are those of a run with room", async () => {
    const device = Device.over("wasm", await openWasm({ threads: 1 }));
    const roomy = new Trainer(config, device, tinyDataset), tight = new Trainer(config, device, tinyDataset);
    for (const trainer of [roomy, tight]) await trainer.trainStep();
    await roomy.trainStep();
    const live = device.memory().tensors;
    let n = first;
    for (;; n += stride) {
      const { error } = await failingAt(n, () => tight.trainStep());
      if (error === undefined) break;
      expect(error, `allocation ${n}`).to.be.instanceOf(NoRoomError);
      expect(device.memory().tensors, `allocation ${n}`).to.equal(live);
      tight.assertWhole();
    }
    expect(n).to.be.greaterThan(100);
    console.log(`      tried ${Math.ceil((n - first) / stride)}`);
    for (const trainer of [roomy, tight]) await trainer.trainStep();
    const saved = async (trainer: Trainer, name: string): Promise<Buffer> => {
      await saveCheckpoint(join(folder, name), trainer);
      return readFileSync(join(folder, name));
    };
    expect((await saved(tight, "tight")).equals(await saved(roomy, "roomy"))).to.equal(true);
    await device.dispose();
  });
});
