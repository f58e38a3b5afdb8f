import { expect } from "chai";
import { multiply, openDevice, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import {
  Adam, AdamW, Grads, Sgd, clipCoefficient, constantLr, cosineLr, globalNorm, goldenFill, loadStateDict, stateDict, warmupLr,
  type Optimizer, type SgdOptions,
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

  describe("SGD", () => {
    /** PyTorch's algorithm, in plain numbers. */
    const expected = (steps: number, options: SgdOptions, scale = 1): number[] => {
      const { lr = 0.01, momentum = 0, weightDecay = 0, nesterov = false } = options;
      const p = Array.from(goldenFill(fill, 6, 1, 1, 0));
      const v = p.map(() => 0);
      for (let i = 0; i < steps; i++) {
        const factors = goldenFill(fill, 6, i, 1, 2);
        p.forEach((value, j) => {
          const g = scale * 2 * value * factors[j] + weightDecay * value;
          v[j] = momentum * v[j] + g;
          p[j] = value - lr * (nesterov ? g + momentum * v[j] : v[j]);
        });
      }
      return p;
    };
    const steps = (module: ReturnType<typeof start>, sgd: Optimizer, from: number, to: number, gradScale?: number): void => {
      for (let i = from; i < to; i++) {
        const grads = new Grads(device);
        grads.add(module.p, gradient(module.p.tensor, i));
        sgd.step(grads, gradScale === undefined ? {} : { gradScale });
        grads.clear();
      }
    };
    const cases: [string, SgdOptions, number?][] = [
      ["plain", {}], ["with momentum", { momentum: 0.9 }], ["with weight decay", { momentum: 0.9, weightDecay: 0.1, lr: 0.05 }],
      ["with Nesterov's momentum", { momentum: 0.8, nesterov: true, weightDecay: 0.1 }], ["clipped", { momentum: 0.9 }, 0.25],
    ];
    for (const [what, options, scale] of cases) {
      it(`${what} takes PyTorch's steps and leaves nothing behind`, async () => {
        const module = start();
        const before = device.memory().tensors;
        const sgd = new Sgd(module, options);
        steps(module, sgd, 0, 5, scale);
        expectClose(await valuesOf(module.p.tensor), expected(5, options, scale));
        expect(sgd.steps).to.equal(5);
        sgd.dispose();
        expect(device.memory().tensors).to.equal(before);
      });
    }

    it("goes on bit for bit from its state", async () => {
      const [a, b] = [start(), start()];
      const options = { momentum: 0.9, nesterov: true };
      steps(a, new Sgd(a, options), 0, 4);
      const first: Optimizer = new Sgd(b, options);
      steps(b, first, 0, 2);
      const resumed: Optimizer = new Sgd(b, options);
      for (const key of Object.keys(first.state)) loadStateDict(b, await stateDict(b, first.state[key]), resumed.state[key]);
      resumed.steps = first.steps;
      steps(b, resumed, 2, 4);
      expect(await valuesOf(b.p.tensor)).to.deep.equal(await valuesOf(a.p.tensor));
    });

    it("refuses Nesterov's momentum without momentum, and has a name and a state like Adam's", () => {
      const module = start();
      expect(messageOf(() => new Sgd(module, { nesterov: true }))).to.contain("ConfigError: SGD: nesterov without momentum");
      const optimizers: Optimizer[] = [new Adam(module), new AdamW(module), new Sgd(module, { momentum: 0.9 })];
      expect(optimizers.map(({ name, state }) => [name, ...Object.keys(state)])).to.deep.equal([
        ["adam", "m", "v"], ["adam", "m", "v"], ["sgd", "velocity"],
      ]);
    });
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
