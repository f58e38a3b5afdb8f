import { expect } from "chai";
import { adamUpdate, matmul, ones } from "@fromnoise/tensor";
import { openProbe, profileCommand } from "../src/profile.js";

const SCALARS = { lr: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-8, correction1: 0.1, correction2: 0.01, weightDecay: 0, gradScale: 1 };

describe("the profile of a training step", () => {
  for (const [spec, adamLaunches] of [["wasm:threads=1", ["adam 1"]], ["gpu:cpu", ["adam (m) 1", "adam (v) 1", "adam 1"]]] as const) {
    it(`lists the launches of ${spec} by kernel, with their times`, async () => {
      const probe = await openProbe(spec);
      const { device } = probe;
      const work = async (): Promise<void> => {
        const [p, m, v, g] = [1, 2, 3, 4].map(() => ones([64, 64], { device }));
        matmul(p, g).dispose();
        matmul(g, p).dispose();
        adamUpdate([{ p, m, v, g }], SCALARS);
        await p.data();
        for (const t of [p, m, v, g]) t.dispose();
      };
      const rows = await probe.launchesOf(work);
      const counted = rows.map(({ kernel, launches }) => `${kernel} ${launches.toFixed()}`);
      expect(counted).to.include.members(["matmul 2", ...adamLaunches]);
      const times = rows.map(({ ms }) => ms);
      expect(times).to.deep.equal([...times].sort((a, b) => b - a));
      expect(Math.min(...times)).to.be.at.least(0);
      expect(await probe.computingOf(work)).to.be.within(0, 10_000);
      expect(await probe.launchesOf(() => Promise.resolve()), "nothing is heard any more").to.deep.equal([]);
      await device.dispose();
    });
  }

  it("says what a step of the bench U-Net takes, and where, and how long sampling takes", async () => {
    const lines: string[] = [];
    expect(await profileCommand("wasm:threads=1", 1, (text) => lines.push(text))).to.equal(0);
    const text = lines.join("\n");
    expect(text).to.match(/^wasm:threads=1: wasm: .*1 thread/).and.match(/first step +[\d.]+ ms/)
      .and.match(/step +[\d.]+ ms, of which issuing [\d.]+ ms = \d+ %/)
      .and.match(/\| conv2dBias +\| +\d\d \|/).and.match(/\| adamEma +\| +1 \|/)
      .and.match(/sampling +[\d.]+ ms for 1 images by 50 DDIM steps/);
  }).timeout(60_000);
});
