import { expect } from "chai";
import { discreteProcess, edmProcess, flowProcess, logSnr, makeSchedule } from "@fromnoise/diffusion";
import { conventions, convertNotation } from "../figures/shared/notation.js";

describe("the converter of notations", () => {
  it("says of every step of Ho's schedule what the library says of it", () => {
    const schedule = makeSchedule({ name: "linear", timesteps: 1000 }), process = discreteProcess(schedule);
    for (const t of [0, 1, 10, 250, 500, 999]) {
      const { alpha, sigma } = process.at(t), all = convertNotation("alphaBar", schedule.alphaBar[t]);
      expect(all["vpAlpha"]).to.be.closeTo(alpha, 1e-12);
      expect(all["vpSigma"]).to.be.closeTo(sigma, 1e-12);
      expect(all["edmSigma"] / (sigma / alpha)).to.be.closeTo(1, 1e-10);
      expect(all["lambda"]).to.be.closeTo(logSnr({ alpha, sigma }), 1e-9);
      expect(all["ddimAlpha"]).to.be.closeTo(schedule.alphaBar[t], 1e-15);
    }
  });

  it("finds EDM's sigma and both directions of flow time at the levels of the library's processes", () => {
    const edm = edmProcess(), flow = flowProcess();
    for (const u of [0.1, 0.4, 0.9]) {
      const { sigma } = edm.atTime(u);
      expect(convertNotation("edmSigma", sigma)["lambda"]).to.be.closeTo(logSnr(edm.atTime(u)), 1e-9);
      const all = convertNotation("lambda", logSnr(flow.atTime(u)));
      expect(all["flowTime"]).to.be.closeTo(u, 1e-12);
      expect(all["flowTimeFromNoise"]).to.be.closeTo(1 - u, 1e-12);
    }
  });

  it("comes back from every convention to every other", () => {
    for (const { key } of conventions) {
      for (const lambda of [-9, -1, 0.3, 8]) {
        const value = convertNotation("lambda", lambda)[key];
        const all = convertNotation(key, value);
        expect(all["lambda"], `${key} of ${lambda}`).to.be.closeTo(lambda, 1e-8);
        for (const other of conventions) expect(convertNotation(other.key, all[other.key])[key] / value, `${key} by ${other.key}`).to.be.closeTo(1, 1e-8);
      }
    }
  });

  it("knows the middle: half of the power, as much noise as signal", () => {
    expect(convertNotation("edmSigma", 1)).to.deep.include({ alphaBar: 0.5, ddimAlpha: 0.5, flowTime: 0.5, flowTimeFromNoise: 0.5 });
  });

  it("refuses what lies outside", () => {
    expect(() => convertNotation("alphaBar", 1.5)).to.throw(RangeError, "allowed: between 0 and 1");
    expect(() => convertNotation("edmSigma", -1)).to.throw(RangeError);
    expect(() => convertNotation("sigma", 1)).to.throw(RangeError, "no convention");
  });
});
