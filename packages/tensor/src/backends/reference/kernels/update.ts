/** Update kernels: their outputs are inputs, whose contents they replace. */
import type { NumberArray } from "../../../core/backend.js";
import type { KernelTable } from "../../../kernels/contract.js";

export const updates = {
  /** Adam (Kingma and Ba 2015, algorithm 1) with the decoupled weight decay of AdamW (Loshchilov and Hutter 2019). */
  adam({ p, m, v }, { g }, { sizes }, { lr, beta1, beta2, eps, correction1, correction2, weightDecay, gradScale }) {
    for (let k = 0; k < sizes.length; k++) {
      for (let i = 0; i < sizes[k]; i++) {
        const gi = gradScale * g[k][i];
        const mi = beta1 * m[k][i] + (1 - beta1) * gi;
        const vi = beta2 * v[k][i] + (1 - beta2) * gi * gi;
        m[k][i] = mi;
        v[k][i] = vi;
        p[k][i] = p[k][i] * (1 - lr * weightDecay) - lr * (mi / correction1) / (Math.sqrt(vi / correction2) + eps);
      }
    }
  },

  ema({ target }, { source }, { sizes }, { decay }) {
    for (let k = 0; k < sizes.length; k++) {
      for (let i = 0; i < sizes[k]; i++) target[k][i] = decay * target[k][i] + (1 - decay) * source[k][i];
    }
  },

  assign({ target }, { source }) {
    target.set(source);
  },
} satisfies Pick<KernelTable<NumberArray>, "adam" | "ema" | "assign">;
