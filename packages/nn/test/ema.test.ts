import { expect } from "chai";
import { elementary, openDevice, Random, randomNormal, tensor, type Device } from "@fromnoise/tensor";
import { Adam, clipCoefficient, Ema, globalNorm, Grads, type EmaOptions } from "@fromnoise/nn";
import { messageOf, smallUNet, valuesOf, vectorModule } from "./small.js";

describe("Ema", () => {
  let device: Device;
  beforeEach(async () => void (device = await openDevice("reference")));
  afterEach(() => device.dispose());

  it("the decay is constant, or warms up by diffusers' two formulas", () => {
    const module = vectorModule(device, [1]);
    const decays = (options: EmaOptions): number[] => [1, 2, 3, 11].map((n) => new Ema(module, options).decayAt(n));
    expect(decays({ warmup: "none", decay: 0.9 })).to.deep.equal([0.9, 0.9, 0.9, 0.9]);
    expect(decays({ decay: 0.5 })).to.deep.equal([0, 2 / 11, 3 / 12, 0.5]);
    const power = (s: number): number => 1 - elementary.power(1 + s / 2, -0.75);
    expect(decays({ warmup: "power", invGamma: 2, decay: 0.7 })).to.deep.equal([0, power(1), power(2), 0.7]);
  });

  it("update moves the average by shadow = decay shadow + (1 - decay) p", async () => {
    const module = vectorModule(device, [1, -2]);
    const ema = new Ema(module, { warmup: "none", decay: 0.75 });
    module.p.tensor = tensor([5, 2], { device, dtype: "f64" });
    ema.update();
    expect(await valuesOf(ema.network.p.tensor)).to.deep.equal([0.75 * 1 + 0.25 * 5, 0.75 * -2 + 0.25 * 2]);
    expect(ema.updates).to.equal(1);
  });

  it("with a warm-up the first update copies the parameters", async () => {
    const module = vectorModule(device, [1]);
    const ema = new Ema(module);
    module.p.tensor = tensor([5], { device, dtype: "f64" });
    ema.update();
    expect(await valuesOf(ema.network.p.tensor)).to.deep.equal([5]);
  });

  it("is a network of its own, which starts as a copy and frees nothing but itself", async () => {
    const module = vectorModule(device, [1, 2]);
    const before = device.memory().tensors;
    const ema = new Ema(module);
    expect(ema.network.p).to.not.equal(module.p);
    expect(await valuesOf(ema.network.p.tensor)).to.deep.equal([1, 2]);
    expect(device.memory().tensors).to.equal(before + 1);
    ema.dispose();
    expect(device.memory().tensors).to.equal(before);
    expect(await valuesOf(module.p.tensor)).to.deep.equal([1, 2]);
  });

  it("moves at every k-th update, beginning with the first", async () => {
    const module = vectorModule(device, [0]);
    const ema = new Ema(module, { warmup: "none", decay: 0.5, every: 3 });
    const seen: number[] = [];
    for (let n = 1; n <= 7; n++) {
      module.p.tensor = tensor([n], { device, dtype: "f64" });
      ema.update();
      seen.push(...await valuesOf(ema.network.p.tensor));
    }
    expect(seen).to.deep.equal([0.5, 0.5, 0.5, 2.25, 2.25, 2.25, 4.625]);
    expect(ema.updates).to.equal(7);
  });

  it("is a copy before its start, and warms up from there", async () => {
    const module = vectorModule(device, [0]);
    const ema = new Ema(module, { start: 2, warmup: "power", power: 1, decay: 0.9 });
    expect([1, 2, 3, 4, 5].map((n) => ema.decayAt(n))).to.deep.equal([0, 0, 0, 1 / 2, 1 - elementary.power(3, -1)]);
    expect(new Ema(module, { start: 2, warmup: "none", decay: 0.9 }).decayAt(3)).to.equal(0.9);
    for (const value of [4, 5, 6, 8]) {
      module.p.tensor = tensor([value], { device, dtype: "f64" });
      ema.update();
    }
    expect(await valuesOf(ema.network.p.tensor)).to.deep.equal([7]);
  });

  /**
   * The update of ema-pytorch 0.2.3 by its states, `step` (updates before) and `initted`, in its words: what the average is worth afterwards. The
   * first update past update_after_step copies, and then averages the copy with itself.
   */
  const emaPytorch = (every: number, after: number, beta: number): ((p: number) => number) => {
    let [step, initted, average] = [0, false, 0];
    return (p) => {
      const at = step++;
      if (at % every !== 0) return average;
      if (at <= after) return (average = p);
      if (!initted) average = p;
      initted = true;
      const epoch = Math.max(step - after - 1, 0);
      const decay = epoch <= 0 ? 0 : Math.min(Math.max(1 - (1 + epoch / 1) ** -(2 / 3), 0), beta);
      return (average -= (average - p) * (1 - decay));
    };
  };

  for (const [every, start, decay] of [[10, 100, 0.995], [10, 100, 0.9999], [1, 0, 0.9999], [7, 20, 0.9]] as const) {
    it(`is ema-pytorch's, step by step: every ${every} after ${start}, decay ${decay}`, async () => {
      const module = vectorModule(device, [0]);
      const ema = new Ema(module, { warmup: "ema-pytorch", power: 2 / 3, decay, every, start });
      const theirs = emaPytorch(every, start, decay);
      const random = new Random(4);
      let copies = 0;
      for (let n = 1; n <= 400; n++) {
        const value = random.uniform(1)[0];
        module.p.tensor = tensor([value], { device, dtype: "f64" });
        ema.update();
        const [ours] = await valuesOf(ema.network.p.tensor);
        expect(ours, `update ${n}`).to.be.closeTo(theirs(value), 1e-14);
        if (ours === value) copies++;
      }
      const upTo = Math.floor(start / every) + 1;                            // updates 1, 1 + every, ... that are not past the start
      expect(copies, "and the first one past it").to.equal(upTo + 1);
    });
  }

  it("reaches lucidrains' decays at steps far on", () => {
    const ema = new Ema(vectorModule(device, [1]), { warmup: "ema-pytorch", power: 2 / 3, decay: 0.9999, every: 10, start: 100 });
    for (const epoch of [20, 4900, 31600]) expect(ema.decayAt(epoch + 101)).to.be.closeTo(1 - (1 + epoch) ** -(2 / 3), 2e-16);
    expect(ema.decayAt(2e6)).to.equal(0.9999);
  });

  it("refuses options out of range and networks that create others", () => {
    const module = vectorModule(device, [1]);
    expect(messageOf(() => new Ema(module, { decay: 1.5 }))).to.equal("ConfigError: EMA decay is 1.5\n  allowed  0 .. 1");
    expect(messageOf(() => new Ema(module, { every: 0 }))).to.equal("ConfigError: EMA every is 0\n  allowed  integers from 1");
    expect(messageOf(() => new Ema(module, { power: 0 }))).to.equal("ConfigError: EMA power is 0\n  allowed  numbers > 0");
    expect(messageOf(() => new Ema(module, { invGamma: -1 }))).to.equal("ConfigError: EMA invGamma is -1\n  allowed  numbers > 0");
    expect(messageOf(() => new Ema(module, { start: -1 }))).to.equal("ConfigError: EMA start is -1\n  allowed  integers from 0");
    const other = { ...module, create: () => vectorModule(device, [1], "q") };
    expect(messageOf(() => new Ema(other))).to.equal(
      "ConfigError: EMA: what create() makes has other parameters\n  network  p\n  created  q");
    expect(messageOf(() => new Ema({ ...module, create: () => module }))).to.contain("what create() makes shares its parameters");
  });

  it("may be used while a step of the network runs: neither changes the other", async () => {
    const run = async (together: boolean): Promise<number[][]> => {
      const unet = smallUNet(device);
      const [adam, ema] = [new Adam(unet), new Ema(unet, { warmup: "none", decay: 0.5 })];
      const x = randomNormal([1, 8, 8, 2], new Random(3), { device, dtype: "f64" });
      const draw = async (): Promise<number[]> => valuesOf(ema.network.apply(x, [5]));
      const step = async (): Promise<void> => {
        const grads = new Grads(device);
        const [y, cache] = unet.forward(x, [5]);
        unet.backward(y, cache, grads);
        const norm = await globalNorm(grads).item();
        adam.step(grads, { gradScale: clipCoefficient(norm, 1) });
        ema.update();
      };
      const before = together ? undefined : await draw();
      const running = step();
      const drawn = before ?? await draw();
      await running;
      const values = await Promise.all([...unet.parameters, ...ema.network.parameters].map((p) => valuesOf(p.tensor)));
      return [drawn, ...values];
    };
    expect(await run(true)).to.deep.equal(await run(false));
  });

  for (const options of [{}, { warmup: "none", decay: 0.5, every: 3 }, { warmup: "none", decay: 0.9, start: 2 }, { decay: 0 }] as const) {
    it(`follows Adam within its step as by an update after it, to the bit: ${JSON.stringify(options)}`, async () => {
      const run = async (within: boolean): Promise<number[][]> => {
        const unet = smallUNet(device);
        const [adam, average, second] = [new Adam(unet), new Ema(unet, options), new Ema(unet, { warmup: "none", decay: 0.75 })];
        const random = new Random(5);
        for (let step = 0; step < 5; step++) {
          const grads = new Grads(device);
          unet.parameters.forEach((p, i) => {                                  // every fifth parameter has none in some step
            if ((i + step) % 5 !== 0) grads.add(p, randomNormal(p.shape, random, { device, dtype: "f64" }));
          });
          adam.step(grads, { lr: 0.1, gradScale: 0.5, ...(within ? { average } : {}) });
          if (!within) average.update();
          second.update();
          grads.clear();
        }
        expect([average.updates, second.updates]).to.deep.equal([5, 5]);
        const modules = [unet, average.network, second.network];
        return Promise.all(modules.flatMap(({ parameters }) => parameters.map((p) => valuesOf(p.tensor))));
      };
      expect(await run(true)).to.deep.equal(await run(false));
    });
  }

  it("of another module follows that one, whatever Adam moves", async () => {
    const [moved, other] = [vectorModule(device, [1]), vectorModule(device, [2])];
    const [adam, average] = [new Adam(moved, { lr: 0.5 }), new Ema(other, { warmup: "none", decay: 0.5 })];
    other.p.tensor = tensor([6], { device, dtype: "f64" });
    const grads = new Grads(device);
    grads.add(moved.p, tensor([1], { device, dtype: "f64" }));
    adam.step(grads, { average });
    expect(await valuesOf(average.network.p.tensor)).to.deep.equal([4]);
    expect((await valuesOf(moved.p.tensor))[0]).to.be.closeTo(0.5, 1e-7);
  });
});
