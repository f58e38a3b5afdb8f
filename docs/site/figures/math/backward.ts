/** The numbers of the figure "backward": operations with a backward that is text, compiled, checked, and measured at many steps. */
import {
  add, divide, exp, expandDims, gradcheck, mean, multiply, negative, Random, randomNormal, sigmoid, softmax, sqrt, square, subtract, sum, tensor, variance,
  type Device, type GradcheckReport, type Tensor,
} from "@fromnoise/tensor";

/** What the text of a backward may use, by these names. */
const tools = { add, subtract, multiply, divide, negative, square, sqrt, exp, sum, mean, variance, expandDims, sigmoid: sigmoid.forward, softmax: softmax.forward } as const;
/** Sums and means of a row that stay a column, so that they broadcast over it. */
const row = { axes: -1, keepDims: true } as const;
/** The constant under the root. */
const kappa = 1e-5;

export interface Operation {
  readonly title: string;
  /** In words, for the page. */
  readonly formula: string;
  forward(x: Tensor): Tensor;
  /** The right backward: the body of a function of dy and x. */
  readonly code: string;
  /** Wrong ones, by what is wrong with them. */
  readonly bugs: Readonly<Record<string, string>>;
}

const normalise = `const r = divide(1, sqrt(add(variance(x, row), kappa)));
const xhat = multiply(subtract(x, mean(x, row)), r);
const meanH = mean(dy, row);
const meanHX = mean(multiply(dy, xhat), row);
return multiply(r, subtract(subtract(dy, meanH), multiply(xhat, meanHX)));`;

const silu = `const s = sigmoid(x);
return multiply(dy, multiply(s, add(1, multiply(x, subtract(1, s)))));`;

const soft = `const y = softmax(x);
return multiply(y, subtract(dy, sum(multiply(dy, y), row)));`;

export const OPERATIONS = {
  normalise: {
    title: "normalisation of a row", formula: "y = x̂ = (x − mean) r,  r = 1 / √(variance + κ)", code: normalise,
    forward: (x) => divide(subtract(x, mean(x, row)), sqrt(add(variance(x, row), kappa))),
    bugs: {
      "the statistics taken for constants": normalise.replace(/return[^;]*;/, "return multiply(r, dy);"),
      "one mean forgotten": normalise.replace(/return[^;]*;/, "return multiply(r, subtract(dy, meanH));"),
      "a sign": normalise.replace(/return[^;]*;/, "return multiply(r, add(subtract(dy, meanH), multiply(xhat, meanHX)));"),
    },
  },
  silu: {
    title: "SiLU", formula: "y = x s,  s = 1 / (1 + e⁻ˣ)", code: silu,
    forward: (x) => multiply(x, sigmoid.forward(x)),
    bugs: {
      "the product rule forgotten": "return multiply(dy, sigmoid(x));",
      "a factor": silu.replace("multiply(s, add(1,", "multiply(s, add(1.001,"),
    },
  },
  softmax: {
    title: "softmax of a row", formula: "yᵢ = e^{xᵢ} / Σ e^{xⱼ}", code: soft,
    forward: (x) => softmax.forward(x),
    bugs: {
      "only the diagonal": "const y = softmax(x);\nreturn multiply(dy, multiply(y, subtract(1, y)));",
      "the sum over dy alone": soft.replace("sum(multiply(dy, y), row)", "sum(dy, row)"),
    },
  },
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof OPERATIONS;

export type Backward = (dy: Tensor, x: Tensor) => Tensor;

/** The function whose body is `code`. Throws SyntaxError for what is no code, Error for what gives no tensor. */
export function compile(code: string): Backward {
  const known = { ...tools, row, kappa };
  const made = new Function(...Object.keys(known), "dy", "x", `"use strict";\n${code}`) as (...values: unknown[]) => unknown;
  return (dy, x) => {
    const dx = made(...Object.values(known), dy, x);
    if (typeof dx !== "object" || dx === null || !("shape" in dx)) throw new Error("the code returns no tensor: its last line is return ...");
    return dx as Tensor;
  };
}

/** x [2, 6] in f64, from seed 4. */
export function inputOf(device: Device): Tensor {
  return randomNormal([2, 6], new Random(4), { device, dtype: "f64" });
}

/** The library's gradient check of a backward at a step. */
export function check(name: OperationName, backward: Backward, x: Tensor, step = 1e-5): Promise<GradcheckReport> {
  return gradcheck({ forward: ({ x: at }) => OPERATIONS[name].forward(at), backward: (dy, { x: at }) => backward(dy, at) }, { x }, { eps: step });
}

/** Both values of every element: what the backward says, and what the loss sum(u y) does when the element is moved. */
export async function elements(name: OperationName, backward: Backward, x: Tensor, step = 1e-5): Promise<{ analytic: number[]; numeric: number[] }> {
  const { device } = x, { forward } = OPERATIONS[name], values = Array.from(await x.data());
  const u = randomNormal(x.shape, new Random(0, 0), { device, dtype: "f64" });      // that of the gradient check
  const loss = async (moved: number[]): Promise<number> => {
    const made = device.scope(() => sum(multiply(u, forward(tensor(moved, { device, dtype: "f64", shape: x.shape })))));
    const value = await made.item();
    made.dispose();
    return value;
  };
  const dx = device.scope(() => backward(u, x));
  const analytic = Array.from(await dx.data()), numeric: number[] = [];
  for (let j = 0; j < values.length; j++) {
    const [plus, minus] = [step, -step].map((d) => values.map((v, i) => (i === j ? v + d : v)));
    numeric.push((await loss(plus) - await loss(minus)) / (2 * step));
  }
  dx.dispose();
  u.dispose();
  return { analytic, numeric };
}

/** The steps of the V curve: 10^-1 to 10^-13. */
export const STEPS: readonly number[] = Array.from({ length: 13 }, (_, i) => 10 ** -(i + 1));
