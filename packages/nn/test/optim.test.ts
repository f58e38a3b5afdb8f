import { expect } from "chai";
import { multiply, openDevice, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import {
  Adam, AdamW, Ema, Grads, clipCoefficient, constantLr, cosineLr, globalNorm, goldenFill, loadStateDict, stateDict, warmupLr,
  type EmaOptions,
} from "@fromnoise/nn";
import { messageOf, readGolden, valuesOf, vectorModule } from "./small.js";

const fill = { phase: 0.7, step: 1.3, chirp: 0.01 };
const golden = readGolden<{ p0: number[]; adam_clip1: { gnorm: number; p: number[] }[]; adamw: number[][] }>("adam");

describe("optimisers", () => {
  let device: Device;
  beforeEach(async () => void (device = await openDevice("reference")));
  afterEach(() => device.dispose());
  const vector = (values: ArrayLike<number>): Tensor => tensor(Float64Array.from(values), { device, dtype: "f64" });

  /** Gradient of loss_i = sum(p^2 fill(i, 1, 2)). */
  const gradient = (p: Tensor, i: number): Tensor =>
    device.scope(() => multiply(multiply(p, 2), vector(goldenFill(fill, 6, i, 1, 2))));
  const start = (): ReturnType<typeof vectorModule> => vectorModule(device, Array.from(goldenFill(fill, 6, 1, 1, 0)));
  const expectClose = (actual: readonly number[], expected: readonly number[]): void =>
    expected.forEach((value, i) => expect(actual[i]).to.be.closeTo(value, 1e-11));

  it("Adam with clipping takes PyTorch's steps", async () => {
    const module = start();
    expectClose(await valuesOf(module.p.tensor), golden.p0);
    const adam = new Adam(module, { lr: 0.01, beta1: 0.9, beta2: 0.99 });
    for (const [i, { gnorm, p }] of golden.adam_clip1.entries()) {
      const grads = new Grads(device);
      grads.add(module.p, gradient(module.p.tensor, i));
      const norm = await globalNorm(grads).item();
      expect(norm).to.be.closeTo(gnorm, 1e-11);
      adam.step(grads, { gradScale: clipCoefficient(norm, 1) });
      expectClose(await valuesOf(module.p.tensor), p);
    }
    expect(adam.steps).to.equal(golden.adam_clip1.length);
  });

  it("AdamW takes PyTorch's steps, weight decay 0.01 unless set", async () => {
    const module = start();
    const adam = new AdamW(module, { lr: 0.01, beta1: 0.95, beta2: 0.999 });
    for (const [i, p] of golden.adamw.entries()) {
      const grads = new Grads(device);
      grads.add(module.p, gradient(module.p.tensor, i));
      adam.step(grads);
      expectClose(await valuesOf(module.p.tensor), p);
    }
  });

  it("Adam goes on bit for bit from its moments and its number of steps", async () => {
    const [a, b] = [start(), start()];
    const step = (module: typeof a, adam: Adam, i: number): void => {
      const grads = new Grads(device);
      grads.add(module.p, gradient(module.p.tensor, i));
      adam.step(grads, { lr: 0.02 });
      grads.clear();
    };
    const first = new Adam(a);
    for (let i = 0; i < 4; i++) step(a, first, i);
    const second = new Adam(b);
    for (let i = 0; i < 2; i++) step(b, second, i);
    const resumed = new Adam(b);
    for (const key of ["m", "v"] as const) loadStateDict(b, await stateDict(b, second[key]), resumed[key]);
    resumed.steps = second.steps;
    for (let i = 2; i < 4; i++) step(b, resumed, i);
    expect(await valuesOf(b.p.tensor)).to.deep.equal(await valuesOf(a.p.tensor));
  });

  it("Adam leaves parameters without a gradient as they are and frees its moments", async () => {
    const module = start();
    const before = device.memory().tensors;
    const adam = new Adam(module);
    adam.step(new Grads(device));
    expect(await valuesOf(module.p.tensor)).to.deep.equal(Array.from(goldenFill(fill, 6, 1, 1, 0)));
    adam.dispose();
    expect(device.memory().tensors).to.equal(before);
  });

  it("the global norm is that of all gradients as one vector", async () => {
    const grads = new Grads(device);
    for (const values of [[3, 0], [0, 0, 12], [4]]) grads.add(vectorModule(device, values).p, vector(values));
    const norm = globalNorm(grads);
    expect(norm.shape).to.deep.equal([1]);
    expect(await norm.item()).to.equal(13);
  });

  it("the clip coefficient is min(1, max / (norm + 1e-6))", () => {
    expect(clipCoefficient(0.5, 1)).to.equal(1);
    expect(clipCoefficient(4, 1)).to.equal(1 / (4 + 1e-6));
    expect(clipCoefficient(4, 2)).to.equal(2 / (4 + 1e-6));
  });

  it("learning rates are constant, rise, and fall along a cosine", () => {
    expect([0, 1, 1e6].map(constantLr(2))).to.deep.equal([2, 2, 2]);
    expect([0, 1, 2, 4, 5, 100].map(warmupLr(8, { warmupSteps: 4 }))).to.deep.equal([0, 2, 4, 8, 8, 8]);
    expect(warmupLr(8, { warmupSteps: 0 })(0)).to.equal(8);
    const cosine = cosineLr(8, { warmupSteps: 4, totalSteps: 12 });
    expect([0, 2, 4].map(cosine)).to.deep.equal([0, 4, 8]);
    expect(cosine(8)).to.be.closeTo(4, 1e-15);
    expect(cosine(6)).to.be.closeTo(4 * (1 + Math.SQRT1_2), 1e-14);
    expect([12, 99].map(cosine)).to.deep.equal([0, 0]);
  });
});

describe("Ema", () => {
  let device: Device;
  beforeEach(async () => void (device = await openDevice("reference")));
  afterEach(() => device.dispose());

  it("the decay is constant, or warms up by diffusers' two formulas", () => {
    const module = vectorModule(device, [1]);
    const decays = (options: EmaOptions): number[] => [1, 2, 3, 11].map((n) => new Ema(module, options).decayAt(n));
    expect(decays({ warmup: "none", decay: 0.9 })).to.deep.equal([0.9, 0.9, 0.9, 0.9]);
    expect(decays({ decay: 0.5 })).to.deep.equal([0, 2 / 11, 3 / 12, 0.5]);
    const power = (s: number): number => 1 - (1 + s / 2) ** -0.75;
    expect(decays({ warmup: "power", invGamma: 2, decay: 0.7 })).to.deep.equal([0, power(1), power(2), 0.7]);
  });

  it("update moves the average by shadow = decay shadow + (1 - decay) p", async () => {
    const module = vectorModule(device, [1, -2]);
    const ema = new Ema(module, { warmup: "none", decay: 0.75 });
    module.p.tensor = tensor([5, 2], { device, dtype: "f64" });
    ema.update();
    expect(await valuesOf(ema.shadow.get(module.p)!)).to.deep.equal([0.75 * 1 + 0.25 * 5, 0.75 * -2 + 0.25 * 2]);
    expect(ema.updates).to.equal(1);
  });

  it("with a warm-up the first update copies the parameters", async () => {
    const module = vectorModule(device, [1]);
    const ema = new Ema(module);
    module.p.tensor = tensor([5], { device, dtype: "f64" });
    ema.update();
    expect(await valuesOf(ema.shadow.get(module.p)!)).to.deep.equal([5]);
  });

  it("use runs with the averages and puts the parameters back, also after a failure", async () => {
    const module = vectorModule(device, [1]);
    const ema = new Ema(module);
    const own = module.p.tensor = tensor([5], { device, dtype: "f64" });
    const before = device.memory().tensors;
    expect(await ema.use(async () => valuesOf(module.p.tensor))).to.deep.equal([1]);
    expect(module.p.tensor).to.equal(own);
    const failure = await ema.use(() => { throw new Error("sampling failed"); }).catch((error: unknown) => error);
    expect((failure as Error).message).to.equal("sampling failed");
    expect(module.p.tensor).to.equal(own);
    expect(device.memory().tensors).to.equal(before);
  });

  it("refuses update and use inside use, and a decay outside 0 .. 1", async () => {
    const module = vectorModule(device, [1]);
    const ema = new Ema(module);
    await ema.use(async () => {
      expect(messageOf(() => ema.update())).to.contain("ConfigError: EMA: update inside use()");
      const error = await ema.use(() => 0).catch((e: unknown) => e);
      expect((error as Error).message).to.contain("EMA: use() inside use()");
    });
    ema.update();
    expect(messageOf(() => new Ema(module, { decay: 1.5 }))).to.equal("ConfigError: EMA decay is 1.5\n  allowed  0 .. 1");
  });
});
