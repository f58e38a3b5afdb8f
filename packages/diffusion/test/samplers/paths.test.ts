import { expect } from "chai";
import { CLEAN } from "../../src/process/level.js";
import { posterior } from "../../src/process/posterior.js";
import { discreteProcess } from "../../src/process/process.js";
import { makeSchedule, scheduleFromBetas } from "../../src/process/schedules.js";
import { checkValue } from "@fromnoise/nn/kinds";
import { respacedTimesteps, SPACINGS, stepCount, stridedTimesteps } from "../../src/process/timesteps.js";
import { stridedPath } from "../../src/samplers/path.js";
import { ddimCoefficients, expectConfigError, predictionCoefficients } from "../scalars.js";

describe("timestep lists", () => {
  it("as many as there are visit every step, last first, and end clean", () => {
    const process = discreteProcess({ name: "cosine", timesteps: 4 });
    const path = stridedPath("ancestral", process, (T) => T, "trailing");
    expect(path).to.deep.equal([process.at(3), process.at(2), process.at(1), process.at(0), CLEAN]);
  });

  it("each spacing has the steps of the library it is named after", () => {
    const lists = Object.fromEntries(SPACINGS.map((spacing) => [spacing, Array.from(stridedTimesteps(1000, 10, spacing))]));
    expect(lists).to.deep.equal({
      leading: [900, 800, 700, 600, 500, 400, 300, 200, 100, 0],
      trailing: [999, 899, 799, 699, 599, 499, 399, 299, 199, 99],
      linspace: [999, 888, 777, 666, 555, 444, 333, 222, 111, 0],
      lucidrains: [999, 899, 799, 699, 599, 499, 399, 299, 199, 99],
    });
    expect(Array.from(stridedTimesteps(10, 4, "trailing")), "7.5 -> 8, 2.5 -> 2").to.deep.equal([9, 7, 4, 1]);
    expect(Array.from(stridedTimesteps(10, 4, "lucidrains"))).to.deep.equal([9, 6, 4, 1]);
    expect(Array.from(stridedTimesteps(10, 4, "leading"))).to.deep.equal([6, 4, 2, 0]);
    expect(Array.from(stridedTimesteps(10, 3, "linspace")), "4.5 -> 4").to.deep.equal([9, 4, 0]);
  });

  it("every number of steps gives distinct steps within the schedule, in descending order; S = T gives all", () => {
    for (const spacing of SPACINGS) {
      for (let S = 1; S <= 97; S++) {
        const steps = Array.from(stridedTimesteps(97, S, spacing));
        expect(steps).to.have.length(S);
        const falls = steps.every((t, i) => Number.isInteger(t) && t >= 0 && t < (steps[i - 1] ?? 97));
        expect(falls, `${spacing}, ${S}: ${steps}`).to.equal(true);
      }
      expect(Array.from(stridedTimesteps(97, 97, spacing))).to.deep.equal(Array.from({ length: 97 }, (_, i) => 96 - i));
    }
  });

  it("DDIM reproduces diffusers' published sum over ten clipped steps of the model x t / (t + 1)", () => {
    const s = makeSchedule({ name: "linear", timesteps: 1000 });
    let x = Array.from({ length: 768 }, (_, i) => i / 768);
    const steps = stridedTimesteps(1000, 10, "leading");
    steps.forEach((t, i) => {
      const [a, b] = predictionCoefficients(s, t, "eps", "x0");
      const ddim = ddimCoefficients(s.alphaBar[t]!, i + 1 < steps.length ? s.alphaBar[steps[i + 1]!]! : 1, 0);
      x = x.map((value) => {
        const eps = value * t / (t + 1);
        return ddim.x0 * Math.min(1, Math.max(-1, a * value + b * eps)) + ddim.eps * eps;  // that library keeps the unclipped eps
      });
    });
    expect(x.reduce((sum, value) => sum + Math.abs(value), 0)).to.be.closeTo(172.0067, 5e-3);
  });

  it("DDIM with eta 1 over all steps is the ancestral step with fixed-small variance", () => {
    const s = makeSchedule({ name: "cosine", timesteps: 50 });
    for (let t = 1; t < s.T; t++) {
      const { x0, eps, sigma } = ddimCoefficients(s.alphaBar[t]!, s.alphaBarPrev[t]!, 1);
      const [a, b] = predictionCoefficients(s, t, "x0", "eps");
      expect(sigma ** 2 / s.posteriorVariance[t]!).to.be.closeTo(1, 1e-10);
      expect(eps * a).to.be.closeTo(s.posteriorMeanCoef2[t]!, 1e-10);
      expect(x0 + eps * b).to.be.closeTo(s.posteriorMeanCoef1[t]!, 1e-10);
    }
  });

  it("a path with strides remembers the numbers of its steps, and its posteriors are those of the schedule with only these steps", () => {
    const s = makeSchedule({ name: "cosine", timesteps: 1000 });
    const path = stridedPath("ancestral", discreteProcess(s), () => 10, "trailing");
    expect(path.map(({ index }) => index)).to.deep.equal([999, 899, 799, 699, 599, 499, 399, 299, 199, 99, undefined]);
    expect(path.map(({ time }) => time).slice(0, -1)).to.deep.equal([999, 899, 799, 699, 599, 499, 399, 299, 199, 99]);
    const kept = path.slice(0, -1).reverse();
    const respaced = scheduleFromBetas(kept.map(({ index }, i) => 1 - s.alphaBar[index!]! / (i === 0 ? 1 : s.alphaBar[kept[i - 1]!.index!]!)));
    kept.forEach((level, i) => {
      const q = posterior(level, kept[i - 1] ?? CLEAN);
      expect(q.x0).to.be.closeTo(respaced.posteriorMeanCoef1[i]!, 1e-9);
      expect(q.xt).to.be.closeTo(respaced.posteriorMeanCoef2[i]!, 1e-9);
      expect(q.small).to.be.closeTo(respaced.posteriorVariance[i]!, 1e-9);
      expect(q.large / respaced.betas[i]!).to.be.closeTo(1, 1e-9);
    });
  });

  it("the level of a log-SNR is a step's own where there is one, lies between two otherwise, and is nowhere beyond them", () => {
    const { at, levelAt, schedule: { T } } = discreteProcess({ name: "cosine", timesteps: 100 });
    const logSnr = (t: number): number => 2 * Math.log(at(t).alpha / at(t).sigma);
    for (const t of [0, 1, 50, T - 1]) expect(levelAt(logSnr(t))).to.equal(at(t));
    const { index, time, alpha, sigma } = levelAt(0.25 * logSnr(40) + 0.75 * logSnr(41));
    expect(index).to.equal(undefined);
    expect(time).to.be.closeTo(40.75, 1e-12);
    expect(alpha ** 2 + sigma ** 2).to.be.closeTo(1, 1e-15);
    expect(2 * Math.log(alpha / sigma)).to.be.closeTo(0.25 * logSnr(40) + 0.75 * logSnr(41), 1e-12);
    expectConfigError(() => levelAt(logSnr(0) + 1),
      `log-SNR: ${logSnr(0) + 1} is not on the schedule cosine\n  allowed    numbers from ${logSnr(T - 1)} to ${logSnr(0)}`);
  });
});

describe("what paths refuse", () => {
  it("step lists and an eta that make no sense", () => {
    for (const S of [0, 11, 2.5]) {
      expectConfigError(() => stridedTimesteps(10, S, "leading"),
        `sampling steps: ${S} does not fit a schedule of 10 steps\n  allowed    integers 1 .. 10`);
    }
    expectConfigError(() => stridedTimesteps(10, 5, "even" as "leading"),
      'spacing: "even" is not known\n  allowed    leading, trailing, linspace, lucidrains');
    expectConfigError(() => ddimCoefficients(0.5, 0.9, 1.5),
      "eta: 1.5 does not scale the noise of DDIM\n  allowed    numbers 0 .. 1");
  });

  it("noise in a DDIM step that goes up, where the deterministic map is the inverse of the one that goes down", () => {
    expectConfigError(() => ddimCoefficients(0.9, 0.5, 1),
      "eta: 1 has no meaning in a step to more noise\n  allowed    0, the deterministic map, which goes both ways");
    expect(ddimCoefficients(0.9, 0.5, 0)).to.deep.equal({ x0: Math.sqrt(0.5), eps: Math.sqrt(0.5), sigma: 0 });
  });

  it("are respaced by counts of sections and by strides, as improved-diffusion writes them", () => {
    // its space_timesteps(300, [10, 15, 20]), (10, "3,2"), (1000, "ddim10") and (100, "ddim25"), ascending
    const first = [0, 11, 22, 33, 44, 55, 66, 77, 88, 99];
    const second = [100, 107, 114, 121, 128, 135, 142, 149, 157, 164, 171, 178, 185, 192, 199];
    const third = [200, 205, 210, 216, 221, 226, 231, 236, 242, 247, 252, 257, 263, 268, 273, 278, 283, 289, 294, 299];
    expect(Array.from(respacedTimesteps(300, "10,15,20")).reverse()).to.deep.equal([...first, ...second, ...third]);
    expect(Array.from(respacedTimesteps(10, "3,2")).reverse()).to.deep.equal([0, 2, 4, 5, 9]);
    expect(Array.from(respacedTimesteps(11, "1,1")).reverse()).to.deep.equal([0, 6]);
    expect(Array.from(respacedTimesteps(1000, "ddim10"))).to.deep.equal([900, 800, 700, 600, 500, 400, 300, 200, 100, 0]);
    expect(Array.from(respacedTimesteps(100, "ddim25"))[0]).to.equal(96);
    const path = stridedPath("ddim", discreteProcess({ name: "cosine", timesteps: 300 }), () => "10,15,20", "trailing");
    expect(path.map(({ index }) => index)).to.deep.equal([...first, ...second, ...third].reverse().concat(undefined as never));
    expectConfigError(() => respacedTimesteps(30, "10,20"), 'steps: "10,20" does not fit a schedule of 30 steps\n  reason     section 1 has 15 steps, not 20');
    expectConfigError(() => respacedTimesteps(100, "ddim30"), 'steps: "ddim30" does not fit a schedule of 100 steps\n  reason     no stride gives 30 steps');
    for (const odd of ["", "10,", "ddim", "ddim0", "0,5", "a", "1.5,2"]) {
      expect(() => respacedTimesteps(100, odd), odd).to.throw(/allowed/);
      expect(() => checkValue(stepCount, "steps", stepCount.parse!(odd)), odd).to.throw("steps");
    }
    for (const good of ["7", "ddim50", "3,4"]) checkValue(stepCount, "steps", stepCount.parse!(good));
  });
});
