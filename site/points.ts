/** Points on a spiral, learnt by a network of three layers that sees a point and its time. */
import { concat, mse, multiply, Random, silu, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { Adam, disposeParameters, Grads, initialize, Linear, timestepEmbedding, type LinearCache, type Module } from "@fromnoise/nn";
import { ddimSampler, lastOf, makeSchedule, qSample } from "@fromnoise/diffusion";
import type { Demo } from "./demo.js";
import { drawPoints } from "./draw.js";

const EMBEDDING = 16;
/** The turns of the spiral lie a few tenths apart; enlarged, the first layer tells them apart from the start. */
const ENLARGED = 8;

interface Cache { a: Tensor; b: Tensor; fc1: LinearCache; fc2: LinearCache; fc3: LinearCache }

/** epsTheta(x, t) for points x [N, 2]: three layers with SiLU between them. */
class PointNetwork implements Module {
  readonly name = "";
  private readonly fc1 = new Linear("fc1", 2 + EMBEDDING, 96);
  private readonly fc2 = new Linear("fc2", 96, 96);
  private readonly fc3 = new Linear("fc3", 96, 2);
  readonly parameters = [...this.fc1.parameters, ...this.fc2.parameters, ...this.fc3.parameters];

  forward(x: Tensor, t: readonly number[]): [y: Tensor, cache: Cache] {
    const embedding = timestepEmbedding(t, EMBEDDING, { maxPeriod: 100 });
    const temb = tensor(embedding, { device: x.device, dtype: x.dtype, shape: [t.length, EMBEDDING] });
    const [a, fc1] = this.fc1.forward(concat([multiply(x, ENLARGED), temb], 1)); // [N, 96]
    const [b, fc2] = this.fc2.forward(silu.forward(a));                     // [N, 96]
    const [y, fc3] = this.fc3.forward(silu.forward(b));                     // [N, 2]
    return [y, { a, b, fc1, fc2, fc3 }];
  }

  backward(dy: Tensor, cache: Cache, grads: Grads): void {
    const db = silu.backward(this.fc3.backward(dy, cache.fc3, grads), cache.b);
    const da = silu.backward(this.fc2.backward(db, cache.fc2, grads), cache.a);
    this.fc1.backward(da, cache.fc1, grads);
  }
}

/** n points x, y of a spiral of one and a half turns within the unit circle, a little blurred. */
function spiral(n: number, random: Random): Float64Array {
  const along = random.uniform(n);
  const blur = random.normal(2 * n);
  return Float64Array.from({ length: 2 * n }, (_, k) => {
    const radius = 0.15 + 0.85 * Math.sqrt(along[k >> 1]);
    const angle = 3 * Math.PI * radius;
    return radius * (k % 2 === 0 ? Math.cos(angle) : Math.sin(angle)) + 0.02 * blur[k];
  });
}

export function pointsDemo(device: Device, { batch = 512, count = 1000 } = {}): Demo & { sample(): Promise<ArrayLike<number>> } {
  const options = { device, dtype: "f32" } as const;
  const schedule = makeSchedule({ name: "linear", timesteps: 100, betaStart: 1e-3, betaEnd: 0.1 });
  const network = initialize(new PointNetwork(), { ...options, seed: 1 });
  const adam = new Adam(network, { lr: 3e-3 });
  const random = new Random(2);
  const given = spiral(count, new Random(3));
  const sample = async (): Promise<ArrayLike<number>> => {
    const shape = [count, 2];
    const denoiser = (xT: Tensor, t: number): Tensor => device.scope(() => network.forward(xT, new Array<number>(count).fill(t))[0]);
    const points = await lastOf(ddimSampler(denoiser, schedule, { shape, ...options, steps: 20, random: new Random(4), clip: false }));
    const values = await points.data();
    points.dispose();
    return values;
  };
  return {
    caption: "Samples (blue) and the spiral they should come from (gray)",
    showEvery: 100,
    async step() {
      const loss = device.scope(() => {
        const x0 = tensor(spiral(batch, random), { ...options, shape: [batch, 2] });
        const eps = tensor(random.normal(2 * batch), { ...options, shape: [batch, 2] });
        const t = Array.from(random.integers(batch, schedule.T));
        const [epsTheta, cache] = network.forward(qSample(schedule, x0, t, eps), t);
        const grads = new Grads(device);
        network.backward(mse.backward(tensor(1, options), epsTheta, eps).da, cache, grads);
        adam.step(grads);
        return mse.forward(epsTheta, eps);
      });
      const value = await loss.item();
      loss.dispose();
      return value;
    },
    sample,
    async show(canvas) {
      drawPoints(canvas, given, await sample());
    },
    dispose() {
      disposeParameters(network);
      adam.dispose();
    },
  };
}
