import { expect } from "chai";
import { add, clone, ConfigError, multiply, openDevice, ShapeError, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { field } from "../../src/config/fields.js";
import { integer } from "@fromnoise/nn/kinds";
import {
  CLEAN, isClean, logSnr,
  ancestral, clipped, ddim, discreteProcess, euler, exactDenoiser, lastOf, makeSchedule, runSampler, samplers, seededNoise,
  stridedTimesteps, variance, type NoiseSchedule, type Sampler, type SamplerStep, type VarianceKind,
} from "../../src/index.js";
import { thrown } from "../thrown.js";
import { takeStep } from "./stepping.js";

const SAMPLES = 8000;

function moments(values: ArrayLike<number>): { mean: number; variance: number } {
  const n = values.length;
  let sum = 0, squares = 0;
  for (let i = 0; i < n; i++) sum += values[i];
  for (let i = 0; i < n; i++) squares += (values[i] - sum / n) ** 2;
  return { mean: sum / n, variance: squares / (n - 1) };
}

/**
 * The chain on one Gaussian N(mu, s^2) is linear: x0Hat = m + g (x_t - c m') with the exact epsilon, so x_{t-1} = a x_t + b + sigma z,
 * and mean and variance follow by recursion from x_{T-1} ~ N(0, 1). Derived from equation 7 alone, not from the sampler's code.
 */
function chainMoments(schedule: NoiseSchedule, mu: number, sd: number, kind: VarianceKind): { mean: number; variance: number } {
  let mean = 0, v = 1;
  for (let t = schedule.T - 1; t >= 0; t--) {
    const abar = schedule.alphaBar[t], abarPrev = t === 0 ? 1 : schedule.alphaBar[t - 1], beta = 1 - abar / abarPrev;
    const gain = (Math.sqrt(abar) * sd * sd) / (abar * sd * sd + 1 - abar);   // E[x0 | x_t] = mu + gain (x_t - sqrt(abar) mu)
    const c1 = (Math.sqrt(abarPrev) * beta) / (1 - abar), c2 = (Math.sqrt(1 - beta) * (1 - abarPrev)) / (1 - abar);
    const a = c1 * gain + c2, b = c1 * (mu - gain * Math.sqrt(abar) * mu);
    mean = a * mean + b;
    v = a * a * v + (t === 0 ? 0 : kind === "fixed-large" ? beta : (beta * (1 - abarPrev)) / (1 - abar));
  }
  return { mean, variance: v };
}

describe("samplers with the exact epsilon", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  const draw = async (sampler: ReturnType<typeof runSampler>): Promise<ArrayLike<number>> => {
    const sample = await lastOf(sampler);
    const values = await sample.data();
    sample.dispose();
    return values;
  };

  for (const kind of ["fixed-small", "fixed-large"] as const) {
    for (const [mu, sd] of [[0.3, 0.5], [-0.7, 0.05]]) {
      it(`give a Gaussian (${mu}, ${sd}) the mean and variance of the chain, ${kind}`, async () => {
        const process = discreteProcess({ name: "scaled-linear", timesteps: 100 });
        const values = await draw(runSampler(ancestral, {
          denoise: exactDenoiser({ weights: [1], means: [[mu]], sd }), process, options: { variance: kind },
          shape: [SAMPLES, 1], device, dtype: "f64", noise: seededNoise(11),
        }));
        const expected = chainMoments(process.schedule, mu, sd, kind);
        const found = moments(values);
        expect(Math.abs(found.mean - expected.mean)).to.be.below(3 * Math.sqrt(expected.variance / SAMPLES));
        expect(Math.abs(found.variance - expected.variance)).to.be.below(3 * expected.variance * Math.sqrt(2 / (SAMPLES - 1)));
      });
    }
  }

  it("is biased against the data at small sd, as the chain's closed form says", () => {
    const schedule = makeSchedule({ name: "linear", timesteps: 1000 });
    const chain = chainMoments(schedule, 0, 0.05, "fixed-small");
    const standardErrors = (chain.variance - 0.05 ** 2) / (0.05 ** 2 * Math.sqrt(2 / 20_000));   // of 20,000 samples
    expect(standardErrors).to.be.within(-16, -12);
  });

  it("give a mixture its weights and cluster means, fixed-large", async () => {
    const process = discreteProcess({ name: "scaled-linear", timesteps: 250 });
    const mixture = { weights: [0.2, 0.5, 0.3], means: [[-6, 0], [0, 5], [6, -2]], sd: 0.5 };
    const values = await draw(runSampler(ancestral, {
      denoise: exactDenoiser(mixture), process, options: { variance: "fixed-large" }, shape: [SAMPLES, 2], device, dtype: "f64",
      noise: seededNoise(5),
    }));
    const members: number[][][] = mixture.means.map(() => []);
    for (let i = 0; i < SAMPLES; i++) {
      const point = [values[2 * i], values[2 * i + 1]];
      const distances = mixture.means.map((m) => (m[0] - point[0]) ** 2 + (m[1] - point[1]) ** 2);
      members[distances.indexOf(Math.min(...distances))].push(point);
    }
    mixture.weights.forEach((w, k) => {
      expect(Math.abs(members[k].length / SAMPLES - w)).to.be.below(3 * Math.sqrt((w * (1 - w)) / SAMPLES));
      for (const axis of [0, 1]) {
        const { mean, variance: v } = moments(members[k].map((point) => point[axis]));
        expect(Math.abs(mean - mixture.means[k][axis])).to.be.below(3 * Math.sqrt(v / members[k].length));
      }
    });
  });

  it("follow the deterministic map of DDIM: x_T scales by the product of its steps", async () => {
    const process = discreteProcess({ name: "cosine", timesteps: 200 });
    const { schedule } = process;
    const sd = 0.4;
    const from = [-2, -0.5, 0.25, 1.5];
    const start = tensor(from, { device, dtype: "f64", shape: [4, 1] });
    const denoise = exactDenoiser({ weights: [1], means: [[0]], sd });
    const values = await draw(runSampler(ddim, { denoise, process, options: { steps: 20 }, shape: [4, 1], device, dtype: "f64", start }));
    // On N(0, s^2) eps = sqrt(1 - abar) x / v and x0 = sqrt(abar) s^2 x / v, v = abar s^2 + 1 - abar: x' = factor x.
    const steps = stridedTimesteps(200, 20, "trailing");
    let factor = 1;
    steps.forEach((t, i) => {
      const abar = schedule.alphaBar[t], next = i + 1 < steps.length ? schedule.alphaBar[steps[i + 1]] : 1, v = abar * sd * sd + 1 - abar;
      factor *= (Math.sqrt(next * abar) * sd * sd + Math.sqrt((1 - next) * (1 - abar))) / v;
    });
    from.forEach((x, i) => expect(values[i]).to.be.closeTo(factor * x, 1e-12));
  });

  it("follow Euler's map in sigma / alpha, and with many steps the probability flow itself", async () => {
    const process = discreteProcess({ name: "cosine", timesteps: 1000 });
    const [first, last] = [process.at(999), process.at(0)].map(({ alpha, sigma }) => sigma / alpha);
    const sd = 0.4;
    const denoise = exactDenoiser({ weights: [1], means: [[0]], sd });
    const endOf = async (steps: number): Promise<number> => {
      const start = tensor([[1]], { device, dtype: "f64" });
      return (await draw(runSampler(euler, { denoise, process, options: { steps }, shape: [1, 1], device, dtype: "f64", start })))[0];
    };
    // y = x / alpha, dy/ds = s y / (s^2 + sd^2); Karras' spacing with rho 7.
    const s = Array.from({ length: 10 }, (_, i) => (first ** (1 / 7) + (i / 9) * (last ** (1 / 7) - first ** (1 / 7))) ** 7).concat(0);
    let y = 1 / process.at(999).alpha;
    for (let i = 0; i < 10; i++) y += (s[i + 1] - s[i]) * s[i] * y / (s[i] ** 2 + sd ** 2);
    expect(await endOf(10)).to.be.closeTo(y, 1e-9);
    const exact = sd / Math.hypot(first, sd) / process.at(999).alpha;            // y(0) = y(s) sd / sqrt(s^2 + sd^2)
    const errors = [await endOf(100), await endOf(400)].map((end) => Math.abs(end - exact));
    expect(errors[1]).to.be.below(0.02 * exact);
    expect(errors[0] / errors[1]).to.be.within(3.3, 4.7);                        // of first order
  });

  it("yield every step with next = mean + sigma z, add no noise at the last, and free all they made", async () => {
    const process = discreteProcess({ name: "cosine", timesteps: 6 });
    const before = device.memory();
    const denoise = clipped(exactDenoiser({ weights: [1], means: [[0.2, -0.1]], sd: 0.3 }), { to: 1 });
    const z = [0.5, -1];
    const drawn: number[] = [];
    const sampler = runSampler(ancestral, {
      denoise, process, shape: [1, 2], device, dtype: "f64",
      noise: (draw, shape, options) => {
        drawn.push(draw);
        return tensor(z, { ...options, shape });
      },
    });
    let expected: number[] | undefined;
    let visited = 0;
    let result = await sampler.next();
    for (; result.done !== true; result = await sampler.next()) {
      const { at: { index: t }, xt, mean, sigma, next } = result.value;
      expect(t).to.equal(5 - visited++);
      if (expected !== undefined) expect(Array.from(await xt.data())).to.deep.equal(expected);
      expect(sigma).to.equal(t === 0 ? 0 : Math.sqrt(variance(process.schedule, t!, "fixed-small")));
      expected = Array.from(await mean.data(), (m, i) => m + (sigma as number) * z[i]);
      expect(Array.from(await next.data())).to.deep.equal(expected);
    }
    expect(visited).to.equal(6);
    expect(drawn).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(Array.from(await result.value.data())).to.deep.equal(expected);
    result.value.dispose();
    const { tensors, bytes } = device.memory();
    expect({ tensors, bytes }).to.deep.equal({ tensors: before.tensors, bytes: before.bytes });
  });

  it("start at a tensor of their shape only", async () => {
    const process = discreteProcess({ name: "cosine", timesteps: 6 });
    const denoise = exactDenoiser({ weights: [1], means: [[0]], sd: 0.3 });
    const start = tensor([[1]], { device });
    const before = device.memory().tensors;
    const error = await thrown(ShapeError, runSampler(ddim, { denoise, process, shape: [2, 1], device, start }).next());
    expect(error.message).to.equal("ddim: the start has another shape than the samples\n  start    [1, 1]\n  shape    [2, 1]");
    expect(device.memory().tensors).to.equal(before);
  });

  it("go up and down again by DDIM with eta 0, and only there", async () => {
    const process = discreteProcess({ name: "cosine", timesteps: 1000 });
    const denoise = exactDenoiser({ weights: [1], means: [[0.2, -0.1]], sd: 0.5 });
    const start = tensor([[0.4, -0.3]], { device, dtype: "f64" });
    let x: Tensor = start;
    for (let t = 100; t < 900; t += 4) x = takeStep(ddim, { denoise, xt: x, at: process.at(t), to: process.at(t + 4) }).next;
    expect(Array.from(await x.data())).to.satisfy((values: number[]) => values.every(Number.isFinite));
    for (let t = 900; t > 100; t -= 4) x = takeStep(ddim, { denoise, xt: x, at: process.at(t), to: process.at(t - 4) }).next;
    const [back, there] = [await x.data(), await start.data()];
    back.forEach((value, i) => expect(value).to.be.closeTo(there[i], 0.02));
    const up = (options: object): SamplerStep => takeStep(ddim, { denoise, xt: start, at: process.at(3), to: process.at(9), options });
    expect(() => up({ eta: 0.5 })).to.throw(ConfigError, "eta: 0.5 has no meaning in a step to more noise");
    expect(() => takeStep(ancestral, { denoise, xt: start, at: process.at(3), to: process.at(9) }))
      .to.throw(ConfigError, "posterior: the step does not lead to less noise");
  });

  it("take only mixtures that are ones", () => {
    const message = (weights: number[], means: number[][], sd = 0.3): string => {
      try {
        exactDenoiser({ weights, means, sd });
      } catch (error) {
        if (error instanceof ConfigError) return error.message;
        throw error;
      }
      return "taken";
    };
    expect(message([1.5, -0.5], [[0], [1]])).to.equal(
      "mixture: the weights are not the probabilities of the means\n  weights  1.5, -0.5   allowed 2 numbers from 0, summing to 1",
    );
    expect(message([NaN, 1], [[0], [1]])).to.contain("not the probabilities");
    expect(message([0.5, 0.5], [[0], [1, 2]])).to.equal(
      "mixture: the mean 1 does not fit the others\n  means    finite numbers, 1 each, as the first has",
    );
    expect(message([1], [[0]], -1)).to.equal("mixture: -1 is not a standard deviation\n  allowed  finite numbers from 0");
    expect(message([1, 0], [[0], [1]], 0)).to.equal("taken");
  });
});

/** Every sampler there is, and one of a kind that none of them is: it asks twice, remembers, climbs, and draws noise of its own. */
const restless: Sampler<{ climb: number }, { last: Tensor; asked: number }> = {
  name: "restless",
  summary: "goes up before it goes down",
  fields: { climb: field(integer({ from: 0 }), 2, "steps up") },
  path: ({ levels }, { climb }) => [
    ...Array.from({ length: climb }, (_, i) => levels![1 + i]), ...Array.from({ length: climb + 2 }, (_, i) => levels![climb + 1 - i]), CLEAN,
  ],
  step(xt, i, path, { denoise, levelAt, noise }, memory) {
    const [at, to] = [path[i], path[i + 1]];
    const first = denoise(xt, at);
    const half = levelAt((logSnr(at) + logSnr(isClean(to) ? at : to)) / 2);
    const second = denoise(add(multiply(first.x0, half.alpha), multiply(first.eps, half.sigma)), half);
    const x0 = memory === undefined ? second.x0 : add(multiply(second.x0, 0.5), multiply(memory.last, 0.5));
    const mean = add(multiply(x0, to.alpha), multiply(second.eps, 0.5 * to.sigma));
    const next = isClean(to) ? mean : add(mean, multiply(noise(), 0.5 * to.sigma));
    const shown = { at, to, xt, x0, eps: second.eps, mean, sigma: isClean(to) ? 0 : 0.5 * to.sigma, next };
    return { shown, memory: { last: clone(x0), asked: (memory?.asked ?? 0) + 2 } };
  },
};

describe("a run of a sampler", () => {
  let device: Device;
  beforeEach(async () => (device = await openDevice("reference")));
  afterEach(() => device.dispose());
  const process = discreteProcess({ name: "cosine", timesteps: 12 });
  const denoise = exactDenoiser({ weights: [0.5, 0.5], means: [[0.5], [-0.5]], sd: 0.2 });
  const all: readonly Sampler<object, unknown>[] = [...samplers, restless];

  for (const sampler of all) {
    const options = "steps" in sampler.fields ? { steps: 5 } : {};
    const run = (more: object = {}): ReturnType<typeof runSampler> =>
      runSampler(sampler, { denoise, process, options, shape: [3, 1], device, dtype: "f64", ...more });

    it(`leaves its sample and nothing else: ${sampler.name}`, async () => {
      const sample = await lastOf(run());
      expect(Array.from(await sample.data()).every((value) => Math.abs(value) < 3)).to.equal(true);
      expect(device.memory().tensors).to.equal(1);
    });

    it(`leaves nothing where the caller stops, throws, aborts, or the network throws: ${sampler.name}`, async () => {
      for await (const { to } of run()) if (to.index !== undefined && to.index < 9) break;
      expect(device.memory().tensors, "stopped").to.equal(0);
      const throwing = async (): Promise<void> => {
        for await (const { xt } of run()) if (await xt.data()) throw new RangeError("enough");
      };
      expect((await thrown(RangeError, throwing())).message).to.equal("enough");
      expect(device.memory().tensors, "thrown").to.equal(0);

      const stop = new AbortController();
      let steps = 0;
      const aborting = async (): Promise<void> => {
        for await (const _step of run({ signal: stop.signal })) if (++steps === 2) stop.abort(new RangeError("stopped"));
      };
      expect((await thrown(RangeError, aborting())).message).to.equal("stopped");
      expect(steps).to.equal(2);
      expect(device.memory().tensors, "aborted").to.equal(0);

      let asked = 0;
      const failing: typeof denoise = (...given) => {
        if (++asked === 4) throw new RangeError("no");
        return denoise(...given);
      };
      expect((await thrown(RangeError, lastOf(run({ denoise: failing })))).message).to.equal("no");
      expect(device.memory().tensors, "failed").to.equal(0);
    });

    it(`gives every sample the same whatever batch it is in: ${sampler.name}`, async () => {
      const samples = async (n: number, first: number): Promise<number[]> =>
        Array.from(await (await lastOf(run({ shape: [n, 1], noise: seededNoise(7, first) }))).data());
      const whole = await samples(5, 0);
      expect([...await samples(2, 0), ...await samples(3, 2)]).to.deep.equal(whole);
      expect(new Set(whole).size).to.equal(5);
    });
  }

  it("hands a step what it remembered, as often as it steps, and lets it climb", async () => {
    const [indices, asked]: [unknown[], number[]] = [[], []];
    const watching: typeof restless = {
      ...restless,
      step(...given) {
        const made = restless.step(...given) as { shown: SamplerStep; memory: { last: Tensor; asked: number } };
        asked.push(made.memory.asked);
        return made;
      },
    };
    for await (const { at, to } of runSampler(watching, { denoise, process, shape: [1, 1], device })) indices.push([at.index, to.index]);
    expect(indices).to.deep.equal([[1, 2], [2, 3], [3, 2], [2, 1], [1, 0], [0, undefined]]);
    expect(asked).to.deep.equal([2, 4, 6, 8, 10, 12]);
  });

  it("tells a network that conditions on it the last guess of x0", async () => {
    const seen: (number | undefined)[] = [];
    const guesses: number[] = [];
    const watching: typeof denoise = (xt, at, previousX0) => {
      seen.push(previousX0 === undefined ? undefined : (previousX0.buffer.storage as Float32Array)[0]);
      return denoise(xt, at);
    };
    for await (const { x0 } of runSampler(ddim, { denoise: watching, process, options: { steps: 3 }, shape: [1, 1], device })) {
      guesses.push(await x0.item());
    }
    expect(seen).to.deep.equal([undefined, ...guesses.slice(0, -1)]);
  });
});
