import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "@fromnoise/tensor";
import { expect } from "chai";
import { trainRun } from "../../src/train/node/run.js";
import { checkRun } from "../../src/train/node/check-run.js";
import { runIn } from "../../src/train/node/run-directory.js";
import { metricsOf, temporaryFolder, tinyConfig, tinyDataset } from "./fixtures.js";
import { LEFT, SimulatedDisk } from "./simulated-disk.js";

const folder = temporaryFolder();
const STEPS = 2;
const config = tinyConfig({ data: "digits", steps: STEPS, checkpointEvery: 1, keep: 1, previewEvery: 2, previewImages: 1, schedule: { timesteps: 3 } });

async function run(out: string, disk?: SimulatedDisk): Promise<void> {
  const start = runIn(out) === undefined ? { config } : { resume: {} };
  const { trainer } = await trainRun({ start, out, dataset: tinyDataset, ...(disk && { files: disk }) });
  await trainer.device.dispose();
}

/** The last checkpoint, which holds the state to the last bit. */
const last = (out: string): Buffer => readFileSync(join(out, `checkpoint-${STEPS}.safetensors`));

/** All operations where FROMNOISE_TORTURE=1 asks for it; else every sixteenth, from another first one each day. */
const [first, stride] = process.env["FROMNOISE_TORTURE"] === "1" ? [1, 1] : [1 + (Math.floor(Date.now() / 864e5) % 16), 16];

describe(`a run whose disk fails (operations ${first}, ${first + stride}, ...)`, function () {
  this.timeout(600000);
  const whole = join(folder, "whole");
  let operations = 0;
  before(async () => {
    const disk = new SimulatedDisk();
    await run(whole, disk);
    operations = disk.operations;
  });

  /** Goes on after whatever happened, and compares with the run that nothing happened to. */
  async function goesOn(out: string, when: string): Promise<void> {
    await run(out);
    expect(last(out).equals(last(whole)), when).to.equal(true);
    expect(metricsOf(out), when).to.deep.equal(metricsOf(whole));
    expect(readdirSync(out).sort(), when).to.deep.equal(readdirSync(whole).sort());
    expect((await checkRun(out)).filter(({ problem }) => problem !== undefined), when).to.deep.equal([]);
    rmSync(out, { recursive: true });
  }

  it("by an error goes on from there to the same end", async () => {
    expect(operations).to.be.greaterThan(50);
    for (let failsAt = first; failsAt <= operations; failsAt += stride) {
      const out = join(folder, `error-${failsAt}`);
      const error = await run(out, new SimulatedDisk(failsAt)).then(() => undefined, (e: unknown) => e);
      // closing the metrics, at the very end, has nobody to tell
      if (error !== undefined || failsAt < operations) {
        expect(error, `operation ${failsAt}`).to.be.instanceOf(CheckpointError).with.property("message").that.matches(/the disk is full/);
      }
      if (!existsSync(out)) continue;                                                  // nothing was written, nothing is left
      await goesOn(out, `error at operation ${failsAt}`);
    }
  });

  let tried = 0;
  after(() => console.log(`      tried ${tried}`));
  afterEach(() => (tried += Math.ceil((operations - first + 1) / stride)));

  for (const left of LEFT) {
    it(`by a power cut, what was not flushed ${left}, goes on to the same end`, async () => {
      for (let failsAt = first; failsAt <= operations; failsAt += stride) {
        const disk = new SimulatedDisk(failsAt, "power cut");
        const [before, out] = [join(folder, `cut-${left}-${failsAt}`), join(folder, `after-${left}-${failsAt}`)];
        await run(before, disk).catch((error: unknown) => expect(error).to.be.instanceOf(CheckpointError));
        disk.afterwards(out, left);
        rmSync(before, { recursive: true, force: true });
        await goesOn(out, `power cut at operation ${failsAt}`);
      }
    });
  }
});
