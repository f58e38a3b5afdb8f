/** Gradient checks of the ops that multiply: linear, matmul and convolution. */
import { conv2d, type Conv2dOptions } from "../../ops/neural/conv2d.js";
import { linear } from "../../ops/neural/linear.js";
import { matmul, type MatmulOptions } from "../../ops/array/matmul.js";
import { gradcheckCase, type GradcheckCase } from "./case.js";

type Shape4 = readonly [number, number, number, number];

const linearCase = (name: string, lead: readonly number[], cin: number, cout: number): GradcheckCase =>
  gradcheckCase("linear", name, ({ normal }) => ({
    inputs: { x: normal(...lead, cin), w: normal(cin, cout), b: normal(cout) },
    forward: ({ x, w, b }) => linear.forward(x, w, b),
    backward: (dy, { x, w }) => linear.backward(dy, x, w),
  }));

const matmulCase = (name: string, a: readonly number[], b: readonly number[], options: MatmulOptions): GradcheckCase =>
  gradcheckCase("matmul", name, ({ normal }) => ({
    inputs: { a: normal(...a), b: normal(...b) },
    forward: (inputs) => matmul.forward(inputs.a, inputs.b, options),
    backward: (dy, inputs) => matmul.backward(dy, inputs.a, inputs.b, options),
  }));

const convCase = (name: string, x: Shape4, w: Shape4, options: Conv2dOptions): GradcheckCase =>
  gradcheckCase("conv2d", name, ({ normal }) => ({
    inputs: { x: normal(...x), w: normal(...w), b: normal(w[3]) },
    forward: (inputs) => conv2d.forward(inputs.x, inputs.w, inputs.b, options),
    backward: (dy, inputs) => conv2d.backward(dy, inputs.x, inputs.w, options),
  }));

export const productCases: readonly GradcheckCase[] = [
  linearCase("rows [2, 3], 5 to 4", [2, 3], 5, 4),
  linearCase("one row, 3 to 7", [1], 3, 7),
  linearCase("1 to 1", [4], 1, 1),
  gradcheckCase("linear", "without bias", ({ normal }) => ({
    inputs: { x: normal(3, 4), w: normal(4, 4) },
    forward: ({ x, w }) => linear.forward(x, w),
    backward: (dy, { x, w }) => ({ dx: linear.gradInput(dy, w), dw: linear.gradWeight(dy, x) }),
  })),
  matmulCase("3x4 times 4x5", [3, 4], [4, 5], {}),
  matmulCase("batched, both transposed", [2, 4, 3], [2, 5, 4], { transposeA: true, transposeB: true }),
  matmulCase("batch axes that broadcast", [2, 1, 3, 3], [4, 3, 3], { transposeB: true }),
  convCase("3x3, padding 1", [2, 5, 4, 3], [3, 3, 3, 4], { padding: 1 }),
  convCase("1x1", [2, 3, 5, 3], [1, 1, 3, 2], {}),
  convCase("5x5, padding 2", [1, 6, 5, 2], [5, 5, 2, 3], { padding: 2 }),
  convCase("3x3, stride 2, padding 1, odd sides", [2, 5, 7, 2], [3, 3, 2, 3], { stride: 2, padding: 1 }),
  convCase("3x3, stride 2, padding right and bottom", [1, 6, 4, 3], [3, 3, 3, 2], { stride: 2, padding: [0, 1, 0, 1] }),
  convCase("2x3, stride 3, padding [2, 0, 1, 3]", [2, 4, 5, 1], [2, 3, 1, 2], { stride: 3, padding: [2, 0, 1, 3] }),
  convCase("image 1x1, kernel 3x3, padding 1", [3, 1, 1, 2], [3, 3, 2, 2], { padding: 1 }),
];
