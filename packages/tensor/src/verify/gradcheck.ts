/**
 * Gradient check: compares a hand-derived backward with centred differences of the forward, in f64.
 * Loss = sum(u y) with a random upstream u, so that backward(u) is its gradient; a plain sum would hide mistakes in
 * normalisations and softmax, whose outputs have a constant sum. For one element x_i the numeric gradient is
 *   sum over j of u_j (y_j(x_i + eps) - y_j(x_i - eps)) / (2 eps),
 * and an element passes where |analytic - numeric| <= atol + rtol |numeric|.
 */
import type { Device } from "../core/device.js";
import { ConfigError, NumericError, ShapeError } from "../core/errors.js";
import { summarize, type Comparison, type GradcheckReport } from "./gradcheck-report.js";
import { Random } from "../random/random.js";
import { formatShape, sameShape } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";

/** What is checked: y = forward(inputs), and a backward that gives d + name for each input, or a bare tensor for a single one. */
export interface GradcheckFunction<K extends string = string> {
  forward: (inputs: Record<K, Tensor>) => Tensor;
  backward: (dy: Tensor, inputs: Record<K, Tensor>) => Tensor | Readonly<Record<`d${K}`, Tensor>>;
}

/** Step, tolerances and extent of a check. */
export interface GradcheckOptions {
  /** Half the step of the differences; 1e-5, near the best for f64. */
  eps?: number;
  /** Allowed error relative to the numeric gradient; 1e-6. */
  rtol?: number;
  /** Allowed absolute error; 1e-9. */
  atol?: number;
  /** "full": every element in turn. "directional": along random directions of length 1, two forwards each, for large networks. */
  mode?: "full" | "directional";
  /** Directions an input in directional mode; 3. */
  directions?: number;
  /** Most elements of an input that full mode checks, drawn at random; all unless given. */
  maxElements?: number;
  /** Selects the upstream gradient, the directions and the drawn elements; 0. */
  seed?: number;
}

/** Streams of the seed, so that what is drawn for one purpose never changes another. */
const UPSTREAM = 0, DIRECTIONS = 1, ELEMENTS = 2, STREAMS = 3;

/**
 * Checks the gradient of every input; tensors that need none are closed over by the functions.
 *
 *     const report = await gradcheck({
 *       forward: ({ x, w }) => linear.forward(x, w),
 *       backward: (dy, { x, w }) => linear.backward(dy, x, w),
 *     }, { x, w });
 *     console.log(formatGradcheck(report));
 *
 * What forward and backward return is disposed. A wrong gradient is a report with pass = false. Throws ConfigError for inputs
 * that are not f64, a gradient that is missing and options out of range, ShapeError for a gradient of another shape than its input,
 * NumericError for values that are not finite, a forward that is not deterministic, and inputs whose values were changed.
 */
export async function gradcheck<K extends string>(
  fn: GradcheckFunction<K>, inputs: Readonly<Record<K, Tensor>>, options: GradcheckOptions = {},
): Promise<GradcheckReport> {
  const settings = checkOptions(options);
  const device = checkInputs(inputs);
  const before = await valuesOf(inputs);
  const y = await evaluate(device, fn, inputs);
  assertDeterministic(y.values, (await evaluate(device, fn, inputs)).values);
  const upstream = new Random(settings.seed, UPSTREAM).normal(y.values.length);
  const analytic = await gradients(device, fn, inputs, device.upload(upstream, y.shape, "f64"));
  await assertUnchanged(inputs, before);

  const reports = [];
  for (const [number, name] of (Object.keys(inputs) as K[]).entries()) {
    /** The change of the loss between two sets of values for this input. */
    const lossDifference: LossDifference = async (plus, minus) => {
      const yPlus = await evaluateAt(device, fn, inputs, name, plus);
      const yMinus = await evaluateAt(device, fn, inputs, name, minus);
      return upstream.reduce((sum, u, j) => sum + u * (yPlus[j] - yMinus[j]), 0);
    };
    const compare = settings.mode === "full" ? compareElements : compareDirections;
    const comparisons = await compare(before[name], analytic[name], lossDifference, settings, number);
    reports.push(summarize(name, inputs[name].shape, settings.mode, comparisons));
  }
  await assertUnchanged(inputs, before);
  const { mode, eps, rtol, atol } = settings;
  return { pass: reports.every((report) => report.pass), mode, eps, rtol, atol, inputs: reports };
}

type Settings = Required<GradcheckOptions>;
type LossDifference = (plus: Float64Array, minus: Float64Array) => Promise<number>;

/** Each element of x, or the drawn ones, moved by eps to both sides. */
async function compareElements(
  x: Float64Array, dx: Float64Array, lossDifference: LossDifference, settings: Settings, input: number,
): Promise<Comparison[]> {
  const { eps, rtol, atol, maxElements, seed } = settings;
  const comparisons: Comparison[] = [];
  for (const i of chooseElements(x.length, maxElements, seed, input)) {
    const [plus, minus] = [x.slice(), x.slice()];
    plus[i] += eps;
    minus[i] -= eps;
    const numeric = (await lossDifference(plus, minus)) / (plus[i] - minus[i]);                     // the step as it was rounded
    comparisons.push({ index: i, analytic: dx[i], numeric, limit: atol + rtol * Math.abs(numeric) });
  }
  return comparisons;
}

/** All of x moved along random directions v of length 1: the slope is sum(dx v), of the size ||dx|| / sqrt(n). */
async function compareDirections(
  x: Float64Array, dx: Float64Array, lossDifference: LossDifference, settings: Settings, input: number,
): Promise<Comparison[]> {
  const { eps, rtol, atol, directions, seed } = settings;
  const random = new Random(seed, DIRECTIONS + STREAMS * (input + 1));
  const typical = norm(dx) / Math.sqrt(x.length);                                               // a slope may be small by chance
  const comparisons: Comparison[] = [];
  for (let i = 0; i < directions; i++) {
    const draw = random.normal(x.length);
    const length = norm(draw);
    const direction = draw.map((v) => v / length);
    const [plus, minus] = [eps, -eps].map((step) => x.map((value, j) => value + step * direction[j]));
    const numeric = (await lossDifference(plus, minus)) / (2 * eps);
    const analytic = dx.reduce((sum, d, j) => sum + d * direction[j], 0);
    comparisons.push({ index: i, analytic, numeric, limit: atol + rtol * Math.max(Math.abs(numeric), typical) });
  }
  return comparisons;
}

function checkOptions(options: GradcheckOptions): Settings {
  const defaults = { eps: 1e-5, rtol: 1e-6, atol: 1e-9, mode: "full", directions: 3, maxElements: Infinity, seed: 0 } as const;
  const settings = { ...defaults, ...options };
  const require = (name: keyof GradcheckOptions, fits: boolean, allowed: string): void => {
    if (!fits) throw new ConfigError(`gradcheck: ${name} is ${settings[name]}`, [`allowed  ${allowed}`]);
  };
  require("eps", settings.eps > 0, "> 0");
  require("rtol", settings.rtol >= 0, ">= 0");
  require("atol", settings.atol >= 0, ">= 0");
  require("mode", settings.mode === "full" || settings.mode === "directional", "full, directional");
  require("directions", Number.isInteger(settings.directions) && settings.directions > 0, "an integer >= 1");
  require("maxElements", settings.maxElements >= 1, ">= 1");
  return settings;
}

/** The device of the inputs. Throws ConfigError unless there is one, and all inputs are f64 and not empty. */
function checkInputs(inputs: Readonly<Record<string, Tensor>>): Device {
  const entries = Object.entries(inputs);
  if (entries.length === 0) throw new ConfigError("gradcheck: there are no inputs");
  for (const [name, x] of entries) {
    if (x.dtype !== "f64") {
      throw new ConfigError(`gradcheck: ${name} is ${x.dtype}; finite differences need f64`, [
        x.toString(), "in f32 rounding alone makes single elements wrong by 10 to 60 %",
        "cast the inputs to f64 on the reference device",
      ]);
    }
    if (x.size === 0) throw new ConfigError(`gradcheck: ${name} is empty`, [x.toString()]);
  }
  return entries[0][1].device;
}

/** The values of y = forward(inputs); everything made on the way is freed. */
async function evaluate<K extends string>(
  device: Device, fn: GradcheckFunction<K>, inputs: Record<K, Tensor>,
): Promise<{ values: Float64Array; shape: readonly number[] }> {
  const y = device.scope(() => fn.forward(inputs));
  if (!(y instanceof Tensor)) throw new ConfigError("gradcheck: forward must return one tensor");
  const values = (await y.data()) as Float64Array;
  const { shape } = y;
  disposeOthers([y], inputs);
  assertFinite("the output of forward", values);
  return { values, shape };
}

/** The values of y with other values for one input. */
async function evaluateAt<K extends string>(
  device: Device, fn: GradcheckFunction<K>, inputs: Readonly<Record<K, Tensor>>, name: K, values: Float64Array,
): Promise<Float64Array> {
  const moved = device.upload(values, inputs[name].shape, "f64");
  try {
    return (await evaluate(device, fn, { ...inputs, [name]: moved })).values;
  } finally {
    moved.dispose();
  }
}

/** The gradients by input name; disposes dy. */
async function gradients<K extends string>(
  device: Device, fn: GradcheckFunction<K>, inputs: Readonly<Record<K, Tensor>>, dy: Tensor,
): Promise<Record<K, Float64Array>> {
  const names = Object.keys(inputs) as K[];
  let made: Tensor[] = [];
  try {
    const result = device.scope(() => fn.backward(dy, inputs));
    made = result instanceof Tensor ? [result] : Object.values<Tensor>(result);
    const out = {} as Record<K, Float64Array>;
    for (const name of names) {
      const dx = result instanceof Tensor ? (names.length === 1 ? result : undefined) : result[`d${name}`];
      if (dx === undefined) {
        throw new ConfigError(`gradcheck: backward returned no gradient d${name}`, [`inputs   ${names.join(", ")}`]);
      }
      if (!sameShape(dx.shape, inputs[name].shape)) {
        throw new ShapeError(`gradcheck: d${name} has not the shape of ${name}`, [
          `${`d${name}`.padEnd(8)} ${formatShape(dx.shape)}   expected ${formatShape(inputs[name].shape)}`,
        ]);
      }
      out[name] = (await dx.data()) as Float64Array;
      assertFinite(`d${name}`, out[name]);
    }
    return out;
  } finally {
    disposeOthers([...made, dy], inputs);
  }
}

/** Frees tensors that are not inputs. */
function disposeOthers(tensors: readonly Tensor[], inputs: Readonly<Record<string, Tensor>>): void {
  for (const t of tensors) if (!Object.values(inputs).includes(t)) t.dispose();
}

async function valuesOf<K extends string>(tensors: Readonly<Record<K, Tensor>>): Promise<Record<K, Float64Array>> {
  const out = {} as Record<K, Float64Array>;
  for (const name of Object.keys(tensors) as K[]) {
    out[name] = (await tensors[name].data()) as Float64Array;
    assertFinite(name, out[name]);
  }
  return out;
}

async function assertUnchanged<K extends string>(
  inputs: Readonly<Record<K, Tensor>>, before: Readonly<Record<K, Float64Array>>,
): Promise<void> {
  for (const name of Object.keys(inputs) as K[]) {
    const now = await inputs[name].data();
    const i = before[name].findIndex((value, j) => !Object.is(value, now[j]));
    if (i < 0) continue;
    throw new NumericError(`gradcheck: the function changed its input ${name}`, [
      `element ${i} was ${before[name][i]}, is ${now[i]}`,
    ]);
  }
}

function assertDeterministic(first: Float64Array, second: Float64Array): void {
  const i = first.findIndex((value, j) => !Object.is(value, second[j]));
  if (i < 0) return;
  throw new NumericError("gradcheck: forward is not deterministic", [`element ${i} is ${first[i]}, then ${second[i]}`]);
}

function assertFinite(what: string, values: Float64Array): void {
  const i = values.findIndex((value) => !Number.isFinite(value));
  if (i >= 0) throw new NumericError(`gradcheck: ${what} is not finite`, [`element ${i} is ${values[i]}`]);
}

/** All elements, or `most` of them drawn at random, in rising order. */
function chooseElements(size: number, most: number, seed: number, input: number): Iterable<number> {
  if (size <= most) return Array(size).keys();
  return new Random(seed, ELEMENTS + STREAMS * (input + 1)).permutation(size).slice(0, most).sort();
}

function norm(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
