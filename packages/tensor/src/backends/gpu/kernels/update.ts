/**
 * Update kernels. To gpu.js an array is one whole result of one launch, so every tensor that is replaced takes a launch of its own,
 * three for each parameter of Adam: lists save none here. The old contents are freed.
 */
import type { KernelTable } from "../../../kernels/contract.js";
import { launch, type GpuArray } from "../engine/engine.js";
import { line } from "../engine/space.js";

type Scalars = Parameters<KernelTable<GpuArray>["adam"]>[3];

/**
 * Adam (Kingma and Ba 2015, algorithm 1) with the decoupled weight decay of AdamW (Loshchilov and Hutter 2019), for one parameter.
 * The gradient is scaled before it is squared: the square of gradScale alone may be too small for an f32.
 */
function adamStep(p: GpuArray, m: GpuArray, v: GpuArray, g: GpuArray, n: number, scalars: Scalars): void {
  const { lr, beta1, beta2, eps, correction1, correction2, weightDecay, gradScale: scale } = scalars;
  const output = line(n);
  launch(m, {
    kernel: "adam (m)", output, inputs: { m: [m, output], g: [g, output] }, scalars: { decay: beta1, rate: 1 - beta1, scale },
    body: "return decay * m[index] + rate * (scale * g[index]);",
  });
  launch(v, {
    kernel: "adam (v)", output, inputs: { v: [v, output], g: [g, output] }, scalars: { decay: beta2, rate: 1 - beta2, scale },
    body: "const scaled = scale * g[index]; return decay * v[index] + rate * scaled * scaled;",
  });
  launch(p, {
    kernel: "adam", output, inputs: { p: [p, output], m: [m, output], v: [v, output] },
    scalars: { decay: 1 - lr * weightDecay, rate: lr / correction1, correction2, eps },
    body: "return decay * p[index] - rate * m[index] / (sqrt(v[index] / correction2) + eps);",
  });
}

export const updates = {
  adam(_outputs, { p, m, v, g }, { sizes }, scalars) {
    for (const [i, n] of sizes.entries()) adamStep(p[i], m[i], v[i], g[i], n, scalars);
  },

  ema(_outputs, { target, source }, { sizes }, { decay }) {
    for (const [i, n] of sizes.entries()) {
      launch(target[i], {
        kernel: "ema", output: line(n), inputs: { target: [target[i], line(n)], source: [source[i], line(n)] },
        scalars: { decay, rate: 1 - decay },
        body: "return decay * target[index] + rate * source[index];",
      });
    }
  },

  assign({ target }, { source }, { n }) {
    launch(target, { kernel: "assign", output: line(n), inputs: { source: [source, line(n)] }, body: "return source[index];" });
  },
} satisfies Pick<KernelTable<GpuArray>, "adam" | "ema" | "assign">;
