import { expect } from "chai";
import { openDevice } from "@fromnoise/tensor";
import { benchmarkTimer } from "../src/benchmark-timer.js";
import { chromiumFlags } from "../src/chromium.js";
import { deviceEngine } from "../src/device-engine.js";
import { clockTimer, servePage, type PageAnswer, type PagePrepared, type PageRequest } from "../src/page/page.js";
import { maxError } from "../src/max-error.js";
import { referenceResults } from "../src/reference.js";
import { EngineStage } from "../src/stage.js";

const matmul = { bench: "matmul", shape: { m: 3, k: 4, n: 5 } } as const;

/** FileReader as far as a page uses it. */
class Reader {
  result = "";
  onload: () => void = () => undefined;
  readAsDataURL(blob: Blob): void {
    void blob.arrayBuffer().then((bytes) => {
      this.result = `data:application/octet-stream;base64,${Buffer.from(bytes).toString("base64")}`;
      this.onload();
    });
  }
}

describe("the page of a contender", () => {
  const world = globalThis as unknown as { window?: { answer?: (request: PageRequest) => Promise<PageAnswer> }; FileReader?: unknown };
  const ask = (request: PageRequest): Promise<PageAnswer> => world.window!.answer!(request);

  before(() => Object.assign(world, { window: {}, FileReader: Reader }));
  after(() => {
    delete world.window;
    delete world.FileReader;
  });

  it("answers like a contender's process, with results that are exact", async () => {
    servePage(async () => new EngineStage(deviceEngine(await openDevice("reference")), clockTimer));
    expect(await ask({ op: "open", spec: "reference", threads: 1 })).to.deep.equal({ value: (await openDevice("reference")).description });
    const { value } = await ask({ op: "setup", ...matmul }) as { value: PagePrepared };
    const bytes = Buffer.from(value.results[0].split(",")[1], "base64");
    const values = new Float64Array(Uint8Array.from(bytes).buffer);
    expect(values).to.have.length(15);
    expect(maxError([values], await referenceResults(matmul))).to.be.within(0, 1e-6);
    for (const ms of [value.first_ms, value.upload_ms, value.readback_ms]) expect(ms).to.be.above(0);
    const { value: best } = await ask({ op: "warm", seconds: 0.01 }) as { value: number };
    const { value: samples } = await ask({ op: "run", seconds: 0.02 }) as { value: number[] };
    expect(best).to.be.above(0);
    expect(Math.min(...samples)).to.be.above(0);
  });

  it("gives an error in the words of who threw it", async () => {
    servePage(() => Promise.reject(new TypeError("no adapter")));
    expect(await ask({ op: "open", spec: "gpu:webgpu", threads: 1 })).to.deep.equal({ error: "TypeError: no adapter" });
  });
});

describe("timers of the benches", () => {
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  for (const [name, timer] of [["of pages", clockTimer], ["of Node", benchmarkTimer]] as const) {
    it(`${name} take milliseconds, one sample at least, and pass errors on`, async () => {
      const samples = await timer(() => pause(20), 0.1);
      expect(samples).to.have.length.within(1, 6);
      for (const ms of samples) expect(ms).to.be.within(18, 2000);
      expect(await timer(() => pause(5), 0)).to.have.length.at.least(1);
      const failure = await timer(() => Promise.reject(new Error("lost")), 0.1).catch((error: Error) => error.message);
      expect(failure).to.equal("lost");
    });
  }
});

describe("the flags of Chromium", () => {
  it("are those of a software renderer, of which $CHROMIUM_FLAGS takes the place", () => {
    const kept = process.env["CHROMIUM_FLAGS"];
    delete process.env["CHROMIUM_FLAGS"];
    expect(chromiumFlags("gpu:webgl2")).to.include("--use-angle=swiftshader");
    expect(chromiumFlags("tfjs:webgl")).to.include("--use-angle=swiftshader");
    expect(chromiumFlags("tfjs:webgpu")).to.include("--use-webgpu-adapter=swiftshader");
    process.env["CHROMIUM_FLAGS"] = "--enable-unsafe-webgpu --enable-features=Vulkan";
    expect(chromiumFlags("gpu:webgpu").slice(-2)).to.deep.equal(["--enable-unsafe-webgpu", "--enable-features=Vulkan"]);
    expect(chromiumFlags("gpu:webgpu").join(" ")).not.to.include("swiftshader");
    delete process.env["CHROMIUM_FLAGS"];
    if (kept !== undefined) process.env["CHROMIUM_FLAGS"] = kept;
  });
});
