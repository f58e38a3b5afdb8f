/** A small training run on any device, made of the library's ops: what must come out the same, and leave nothing behind. */
import { adamUpdate, linear, mse, Random, randomNormal, silu, tensor, zeros, type Device, type Tensor } from "../../src/index.js";

/** Fits random targets with two layers; gives the loss of every tenth step and the weights of the last layer. */
export async function trainTiny(device: Device, steps: number, afterStep: () => void | Promise<void>): Promise<{ losses: number[]; weights: number[] }> {
  const random = new Random(3);
  const draw = (shape: number[]): Tensor => randomNormal(shape, random, { device, dtype: "f32" });
  const [x, w1, w2] = [draw([16, 2]), draw([2, 8]), draw([8, 1])];
  const target = draw([16, 1]);
  const moments = [w1, w2].map((p) => ({ p, m: zeros(p.shape, { device, dtype: "f32" }), v: zeros(p.shape, { device, dtype: "f32" }) }));
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const loss = device.scope(() => {
      const z = linear.forward(x, w1);
      const a = silu.forward(z);
      const y = linear.forward(a, w2);
      const dy = mse.backward(tensor(1, { device, dtype: "f32" }), y, target).da;
      const { dx: da, dw: dw2 } = linear.backward(dy, a, w2);
      const { dw: dw1 } = linear.backward(silu.backward(da, z), x, w1);
      adamUpdate([dw1, dw2].map((g, i) => ({ ...moments[i], g })), {
        lr: 0.02, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, gradScale: 1, correction1: 1 - 0.9 ** step, correction2: 1 - 0.999 ** step,
      });
      return mse.forward(y, target);
    });
    if (step % 10 === 0) losses.push(await loss.item());
    loss.dispose();
    await afterStep();
  }
  return { losses, weights: [...await w2.data()] };
}
