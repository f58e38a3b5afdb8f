/** Update kernels: they replace the contents of their first inputs. */
import type { NumberArray } from "../../../core/backend.js";
import type { UpdateKernel } from "../../../kernels/contract.js";

/** Adam (Kingma and Ba 2015, algorithm 1) with the decoupled weight decay of AdamW (Loshchilov and Hutter 2019). */
export const adam: UpdateKernel<"adam", NumberArray> = ({ p, m, v, g }, { n }, scalars) => {
  const { lr, beta1, beta2, eps, correction1, correction2, weightDecay, gradScale } = scalars;
  for (let i = 0; i < n; i++) {
    const gi = gradScale * g[i];
    const mi = beta1 * m[i] + (1 - beta1) * gi;
    const vi = beta2 * v[i] + (1 - beta2) * gi * gi;
    m[i] = mi;
    v[i] = vi;
    p[i] = p[i] * (1 - lr * weightDecay) - lr * (mi / correction1) / (Math.sqrt(vi / correction2) + eps);
  }
};

export const ema: UpdateKernel<"ema", NumberArray> = ({ target, source }, { n }, { decay }) => {
  for (let i = 0; i < n; i++) target[i] = decay * target[i] + (1 - decay) * source[i];
};

export const assign: UpdateKernel<"assign", NumberArray> = ({ target, source }) => {
  target.set(source);
};
