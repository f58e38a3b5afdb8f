/** The mathematics of the book's figures, without a page. What needs one is checked in Chromium with the site. */
import { expect } from "chai";
import { openDevice, Random, tensor, type Device } from "@fromnoise/tensor";
import { discreteProcess, exactDenoiser, makeSchedule, pathOf, ancestral } from "@fromnoise/diffusion";
import { check, compile, elements, inputOf, OPERATIONS, STEPS, type OperationName } from "../docs/site/figures/math/backward.js";
import { rasterise, TWO, walk, walkMoments } from "../docs/site/figures/math/forward.js";
import { CENTRES, PointTraining } from "../docs/site/figures/math/points.js";
import { DATA, sampleSd, sampling, spread, unknownVariance, type Choices } from "../docs/site/figures/math/sampling.js";
import { FIVE, grid, numericScore, posteriorOver, type Point } from "../docs/site/figures/math/score.js";

let device: Device;
before(async () => {
  device = await openDevice("reference");
});
after(() => device.dispose());

describe("the figure of the forward process", () => {
  it("walks as equation 4 says, within 3 standard errors at every hundredth step", () => {
    const schedule = makeSchedule({ name: "cosine", timesteps: 1000 }), steps = walk(schedule, -0.4, 500, 11);
    let next = steps.next(), yields = 0;
    for (; next.done !== true; next = steps.next()) yields++;
    expect(yields).to.equal(1000);
    for (let t = 99; t < 1000; t += 100) {
      const { expected, errors } = walkMoments(schedule, next.value, t);
      expect(expected).to.deep.equal({ mean: Math.sqrt(schedule.alphaBar[t]) * -0.4, variance: 1 - schedule.alphaBar[t] });
      expect(Math.max(Math.abs(errors.mean), Math.abs(errors.variance)), `standard errors at t = ${t}`).to.be.below(3);
    }
  });

  it("draws strokes in ink on paper", () => {
    expect(Array.from(rasterise([], 2))).to.deep.equal([-1, -1, -1, -1]);
    const image = rasterise(TWO, 28);
    expect([Math.min(...image), Math.max(...image)]).to.deep.equal([-1, 1]);
    expect(image.filter((v) => v > 0).length / image.length, "share of ink").to.be.within(0.1, 0.3);
    expect(Array.from(rasterise([[[0.25, 0.25]]], 2, 0.1)), "a single place").to.deep.equal([1, -1, -1, -1]);
  });
});

describe("the figure of the score", () => {
  it("takes for it what the library says, and both are the gradient of log q", async () => {
    const process = discreteProcess({ name: "scaled-linear", timesteps: 100 }), random = new Random(3);
    const denoise = exactDenoiser({ weights: FIVE.map(() => 0.2), means: FIVE, sd: 0 });
    for (const t of [10, 50, 90]) {
      const at = process.at(t), xt = Array.from(random.normal(2)) as unknown as Point;
      const { eps, x0 } = denoise(tensor([[...xt]], { device, dtype: "f64" }), at);
      const score = numericScore(xt, FIVE, at), r = posteriorOver(xt, FIVE, at);
      const [said, guess] = [await eps.data(), await x0.data()];
      for (const axis of [0, 1]) {
        expect(said[axis]).to.be.closeTo(-at.sigma * score[axis], 1e-7);
        expect(guess[axis]).to.be.closeTo(r.reduce((sum, p, i) => sum + p * FIVE[i][axis], 0), 1e-12);
      }
    }
  });

  it("spreads its grid evenly over the square", () => {
    expect(Array.from(grid(2, 1))).to.deep.equal([-0.5, -0.5, 0.5, -0.5, -0.5, 0.5, 0.5, 0.5]);
  });
});

describe("the figure of sampling", () => {
  const choices: Choices = { data: "gaussian", sampler: "ancestral", steps: 21, eta: 0, variance: "exact", clip: false };

  it("has the table of the chapter: the exact variance with and without noise after the last step", () => {
    const sd = (timesteps: number, lastDraw = false): string =>
      sampleSd(pathOf(ancestral, discreteProcess({ name: "scaled-linear", timesteps })), 0.5, "exact", lastDraw).toFixed(4);
    expect([21, 50, 200, 1000].map((T) => sd(T))).to.deep.equal(["0.4953", "0.4980", "0.4995", "0.4999"]);
    expect([21, 50, 200, 1000].map((T) => sd(T, true))).to.deep.equal(["0.5000", "0.5000", "0.5000", "0.5000"]);
  });

  for (const variance of ["fixed-small", "fixed-large", "exact"] as const) {
    it(`draws samples with the deviation that the recursion says, ${variance}`, async () => {
      const process = discreteProcess({ name: "scaled-linear", timesteps: 21 }), count = 4000;
      let last: ArrayLike<number> = [];
      for await (const { xt, mean, noise, next } of sampling({ ...choices, variance }, process, device, count)) {
        expect(next[7]).to.equal(mean[7] + noise[7]);
        expect(xt.length).to.equal(2 * count);
        last = next;
      }
      const wanted = sampleSd(pathOf(ancestral, process), 0.5, variance), error = wanted / Math.sqrt(2 * 2 * count);
      expect(Math.abs(spread(last, DATA.gaussian) - wanted) / error, "standard errors").to.be.below(3);
    });
  }

  it("finds what is unknown of x0 from the denoiser alone", async () => {
    const at = discreteProcess({ name: "scaled-linear", timesteps: 100 }).at(40), xt = tensor([[0.3, -0.2]], { device, dtype: "f64" });
    const gaussian = await unknownVariance(exactDenoiser(DATA.gaussian), xt, at).data();
    for (const v of gaussian) expect(v).to.be.closeTo((0.25 * at.sigma ** 2) / (at.alpha ** 2 * 0.25 + at.sigma ** 2), 1e-8);
    const two = exactDenoiser({ weights: [0.5, 0.5], means: [[-1, 0], [1, 0]], sd: 0 });
    const guess = (await two(xt, at).x0.data())[0], [along, across] = await unknownVariance(two, xt, at).data();
    expect(along, "x0 is -1 or 1").to.be.closeTo(1 - guess * guess, 1e-7);
    expect(across).to.be.closeTo(0, 1e-9);
  });
});

describe("the figure of a backward", () => {
  for (const name of Object.keys(OPERATIONS) as OperationName[]) {
    it(`passes the right backward of ${name} and fails every planted bug, at every step`, async () => {
      const x = inputOf(device), right = compile(OPERATIONS[name].code), { analytic, numeric } = await elements(name, right, x);
      expect((await check(name, right, x)).pass).to.equal(true);
      analytic.forEach((v, i) => expect(v).to.be.closeTo(numeric[i], 1e-8));
      const errors: number[] = [];
      for (const step of STEPS) errors.push((await check(name, right, x, step)).inputs[0].normRel);
      expect(errors.indexOf(Math.min(...errors)), "the valley of the V, at 1e-4 to 1e-6").to.be.within(3, 5);
      expect(errors[0], "its right arm").to.be.above(1000 * Math.min(...errors));
      expect(errors[12], "its left arm").to.be.above(1000 * Math.min(...errors));
      for (const [what, code] of Object.entries<string>(OPERATIONS[name].bugs)) {
        for (const step of STEPS.slice(1, 7)) expect((await check(name, compile(code), x, step)).inputs[0].normRel, what).to.be.above(1e-4);
      }
      x.dispose();
    });
  }

  it("says what is wrong with what is no backward", () => {
    expect(() => compile("return (")).to.throw(SyntaxError);
    expect(() => compile("dy")(inputOf(device), inputOf(device))).to.throw("returns no tensor");
  });
});

describe("the figure of points", () => {
  it("takes a step apart without changing it, in the order of Algorithm 1", async () => {
    const [plain, traced] = [await PointTraining.start(CENTRES.clusters), await PointTraining.start(CENTRES.clusters)];
    const before = await traced.parts(), loss = await plain.step(), step = await traced.tracedStep();
    expect(step.loss).to.equal(loss);
    expect(await traced.parts()).to.deep.equal(await plain.parts());
    expect((await traced.parts()).loss).to.be.below(before.loss);
    expect([...new Set(step.arrows.map(({ phase }) => phase))]).to.deep.equal(["noise", "forward", "loss", "backward", "value", "adam"]);
    const layers = (phase: string): string[] => step.arrows.filter((arrow) => arrow.phase === phase && arrow.layer !== "").map(({ layer }) => layer);
    expect(layers("backward")).to.deep.equal(layers("forward").filter((layer) => layer !== "input" && layer !== "time").reverse().concat("time", "input"));
    await Promise.all([plain.dispose(), traced.dispose()]);
  });

  it("finds the loss to be floor + distance + cross term, and samples", async () => {
    const training = await PointTraining.start(CENTRES.moons);
    for (let i = 0; i < 30; i++) await training.step();
    const { loss, floor, distance, cross } = await training.parts();
    expect(loss - floor - distance - cross).to.be.closeTo(0, 1e-12);
    expect(Math.min(floor, distance)).to.be.above(0);
    expect(Math.abs(cross)).to.be.below(0.05);
    expect((await training.samples(10)).length).to.equal(20);
    await training.dispose();
  });
});
