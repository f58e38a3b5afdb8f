/** Points on a spiral, learnt by a network of four layers that sees a point and its time. */
import { concat, mse, multiply, Random, silu, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import {
  Adam, cosineLr, disposeParameters, Grads, initialize, Linear, timestepEmbedding, type LinearCache, type Module,
} from "@fromnoise/nn";
import { ddimSampler, lastOf, makeSchedule, qSample } from "@fromnoise/diffusion";
import type { Demo } from "./demo.js";
import { drawPoints } from "./draw.js";

const EMBEDDING = 16;
/** The turns of the spiral lie close together; enlarged, the first layer tells them apart from the start. */
const ENLARGED = 2;
const WIDTH = 96;

interface Cache { a: Tensor; b: Tensor; c: Tensor; fc1: LinearCache; fc2: LinearCache; fc3: LinearCache; fc4: LinearCache }

/** epsTheta(x, t) for points x [N, 2]: four layers with SiLU between them. */
class PointNetwork implements Module {
  readonly name = "";
  private readonly fc1 = new Linear("fc1", 2 + EMBEDDING, WIDTH);
  private readonly fc2 = new Linear("fc2", WIDTH, WIDTH);
  private readonly fc3 = new Linear("fc3", WIDTH, WIDTH);
  private readonly fc4 = new Linear("fc4", WIDTH, 2);
  readonly parameters = [this.fc1, this.fc2, this.fc3, this.fc4].flatMap((layer) => layer.parameters);

  forward(x: Tensor, t: readonly number[]): [y: Tensor, cache: Cache] {
    const embedding = timestepEmbedding(t, EMBEDDING, { maxPeriod: 100 });
    const temb = tensor(embedding, { device: x.device, dtype: x.dtype, shape: [t.length, EMBEDDING] });
    const [a, fc1] = this.fc1.forward(concat([multiply(x, ENLARGED), temb], 1)); // [N, WIDTH]
    const [b, fc2] = this.fc2.forward(silu.forward(a));                     // [N, WIDTH]
    const [c, fc3] = this.fc3.forward(silu.forward(b));                     // [N, WIDTH]
    const [y, fc4] = this.fc4.forward(silu.forward(c));                     // [N, 2]
    return [y, { a, b, c, fc1, fc2, fc3, fc4 }];
  }

  backward(dy: Tensor, cache: Cache, grads: Grads): void {
    const dc = silu.backward(this.fc4.backward(dy, cache.fc4, grads), cache.c);
    const db = silu.backward(this.fc3.backward(dc, cache.fc3, grads), cache.b);
    const da = silu.backward(this.fc2.backward(db, cache.fc2, grads), cache.a);
    this.fc1.backward(da, cache.fc1, grads);
  }
}

/** n points x, y of a spiral of one and a half turns within the circle of radius 2, a little blurred. */
function spiral(n: number, random: Random): Float64Array {
  const along = random.uniform(n);
  const blur = random.normal(2 * n);
  return Float64Array.from({ length: 2 * n }, (_, k) => {
    const radius = 0.3 + 1.7 * Math.sqrt(along[k >> 1]);
    const angle = 1.5 * Math.PI * radius;
    return radius * (k % 2 === 0 ? Math.cos(angle) : Math.sin(angle)) + 0.04 * blur[k];
  });
}

const BATCH = 512;
const SAMPLER_STEPS = 50;
/** Points in a picture. */
const COUNT = 1000;

/** The demo for a run of so many steps, over which the learning rate falls. */
export function pointsDemo(device: Device, steps: number): Demo {
  const options = { device, dtype: "f32" } as const;
  const schedule = makeSchedule({ name: "linear", timesteps: 100, betaStart: 1e-3, betaEnd: 0.1 });
  const network = initialize(new PointNetwork(), { ...options, seed: 1 });
  const learningRate = cosineLr(4e-3, { totalSteps: steps });
  const adam = new Adam(network);
  let done = 0;
  const random = new Random(2);
  const given = spiral(COUNT, new Random(3));
  const sample = async (): Promise<ArrayLike<number>> => {
    const shape = [COUNT, 2];
    const denoiser = (xT: Tensor, t: number): Tensor =>
      device.scope(() => network.forward(xT, new Array<number>(COUNT).fill(t))[0]);
    const sampler = { shape, ...options, steps: SAMPLER_STEPS, random: new Random(4), clipX0: false };
    const points = await lastOf(ddimSampler(denoiser, schedule, sampler));
    const values = await points.data();
    points.dispose();
    return values;
  };
  return {
    caption: "Points drawn by the network (blue) and the spiral it learns from (gray)",
    showEvery: 250,
    async step() {
      const loss = device.scope(() => {
        const x0 = tensor(spiral(BATCH, random), { ...options, shape: [BATCH, 2] });
        const eps = tensor(random.normal(2 * BATCH), { ...options, shape: [BATCH, 2] });
        const t = Array.from(random.integers(BATCH, schedule.T));
        const [epsTheta, cache] = network.forward(qSample(schedule, x0, t, eps), t);
        const grads = new Grads(device);
        network.backward(mse.backward(tensor(1, options), epsTheta, eps).da, cache, grads);
        adam.step(grads, { lr: learningRate(done++) });
        return mse.forward(epsTheta, eps);
      });
      const value = await loss.item();
      loss.dispose();
      return value;
    },
    show: async () => drawPoints(given, await sample()),
    dispose() {
      disposeParameters(network);
      adam.dispose();
    },
  };
}
