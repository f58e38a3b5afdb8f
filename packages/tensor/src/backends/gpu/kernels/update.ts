/** Update kernels: a launch has one result, so each tensor that is replaced takes one, and the old contents are freed. */
import type { UpdateKernel } from "../../../kernels/contract.js";
import { launch, type GpuArray } from "../engine/engine.js";
import { line } from "../engine/space.js";

/** Adam (Kingma and Ba 2015, algorithm 1) with the decoupled weight decay of AdamW (Loshchilov and Hutter 2019). */
export const adam: UpdateKernel<"adam", GpuArray> = ({ p, m, v, g }, { n }, scalars) => {
  const { lr, beta1, beta2, eps, correction1, correction2, weightDecay, gradScale } = scalars;
  const output = line(n);
  launch(m, {
    kernel: "adam (m)", output, inputs: { m: [m, output], g: [g, output] }, scalars: { decay: beta1, rate: (1 - beta1) * gradScale },
    body: "return decay * m[index] + rate * g[index];",
  });
  launch(v, {
    kernel: "adam (v)", output, inputs: { v: [v, output], g: [g, output] }, scalars: { decay: beta2, rate: (1 - beta2) * gradScale ** 2 },
    body: "return decay * v[index] + rate * g[index] * g[index];",
  });
  launch(p, {
    kernel: "adam", output, inputs: { p: [p, output], m: [m, output], v: [v, output] },
    scalars: { decay: 1 - lr * weightDecay, rate: lr / correction1, correction2, eps },
    body: "return decay * p[index] - rate * m[index] / (sqrt(v[index] / correction2) + eps);",
  });
};

export const ema: UpdateKernel<"ema", GpuArray> = ({ target, source }, { n }, { decay }) => {
  launch(target, {
    kernel: "ema", output: line(n), inputs: { target: [target, line(n)], source: [source, line(n)] }, scalars: { decay, rate: 1 - decay },
    body: "return decay * target[index] + rate * source[index];",
  });
};

export const assign: UpdateKernel<"assign", GpuArray> = ({ target, source }, { n }) => {
  launch(target, { kernel: "assign", output: line(n), inputs: { source: [source, line(n)] }, body: "return source[index];" });
};
