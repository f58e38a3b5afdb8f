import {
  goldenError, labelsAt, listAt, mse, numberAt, numbersAt, objectAt, ownField, sameShape, shapeAt, sizeOf, tensor, textAt, type GoldenFields,
  type NumberArray, type Tensor,
} from "@fromnoise/tensor";
import { Grads } from "../parameters/grads.js";
import { initialize } from "../parameters/init.js";
import { toChannelsFirst, toChannelsLast, fileShape, toFileLayout } from "../parameters/layout.js";
import { disposeParameters } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";
import { Dit } from "../networks/dit/dit.js";
import type { Network } from "../networks/network.js";
import { isLucidrainsConfig } from "../networks/lucidrains/config.js";
import { eraOfNames } from "../networks/lucidrains/eras.js";
import { LucidrainsUNet } from "../networks/lucidrains/lucidrains-unet.js";
import { UNet } from "../networks/unet/unet.js";
import {
  checkGolden, goldenFill, goldenFillOf, loadGoldenParameters, relativeMax, worse,
  type Golden, type GoldenRow, type VerifyOptions,
} from "./golden.js";

/** Shape and numbers of a parameter's gradient, in PyTorch's layout. */
export interface GoldenGradient {
  readonly name: string;
  readonly shape: readonly number[];
  readonly grad_sum: number;
  readonly grad_l2: number;
  readonly grad_first: readonly number[];
}

/**
 * A golden file of kind "unet" or "dit": one forward and backward of a network, images as [N, C, H, W]. A U-Net's config
 * with `dim` is lucidrains', its era, unless the config says it, what the names of the parameters tell.
 */
export interface UNetGolden extends Golden {
  readonly config: Readonly<Record<string, unknown>>;
  readonly input: { readonly shape: readonly [number, number, number, number] } &
    ({ readonly data: readonly number[] } | { readonly fill_index: number; readonly scale: number });
  readonly t: readonly number[];
  /** Of a network with classes. */
  readonly labels?: readonly number[];
  /** Of a network that is given a vector as a condition: fill(fill_index, scale, 0). */
  readonly embedding?: { readonly fill_index: number; readonly scale: number };
  readonly output: readonly number[];
  readonly loss: number;
  readonly params: readonly GoldenGradient[];
}

/**
 * Runs the network of a golden file on a device and compares, loss = mean((y - fill(77, 1, 0))^2):
 *  - output: max |y - ref| / max |ref|;  loss: |difference| / |ref|;
 *  - gradients, D = max(grad_l2, 1e-4 times the largest grad_l2 of the file), as many are zero in theory:
 *    l2 |difference| / D, sum |difference| / (sqrt(n) D), first max |difference| / D.
 * Throws ConfigError for another file or network, and where a field of the file is not what it has to be; CheckpointError for other parameters, DeviceError for a dtype the device lacks.
 */
export async function verifyUNet(file: UNetGolden, options: VerifyOptions): Promise<GoldenRow[]> {
  const golden = networkGoldenOf(file, "unet");
  return verifyNetwork(golden, goldenUNet(golden.config, golden.params.map(({ name }) => name)), options);
}

/** The U-Net of a golden file with parameters of these names: diffusers' or lucidrains'. Throws ConfigError for a config of neither. */
export function goldenUNet(config: UNetGolden["config"], names: readonly string[]): Network {
  return isLucidrainsConfig(config) ? new LucidrainsUNet({ era: eraOfNames(names), ...config }) : new UNet(config);
}

/** The same for a file of kind "dit", whose config is a `DitConfig`. */
export async function verifyDit(file: UNetGolden, options: VerifyOptions): Promise<GoldenRow[]> {
  const golden = networkGoldenOf(file, "dit");
  return verifyNetwork(golden, new Dit(golden.config), options);
}

async function verifyNetwork(golden: UNetGolden, network: Network, { device, dtype }: VerifyOptions): Promise<GoldenRow[]> {
  checkShapes(golden, network);
  initialize(network, { device, dtype, seed: 0 });
  try {
    loadGoldenParameters(network, golden.params.map(({ name }) => name), golden.fill);
    const [n, cin, h, w] = golden.input.shape;
    const { outputs: cout } = network.spec;
    const images = (values: NumberArray, c: number): Tensor =>
      tensor(toChannelsLast(values, [n, c, h, w]), { device, dtype, shape: [n, h, w, c] });

    const grads = new Grads(device);
    const { y, loss } = device.scope(() => {
      const target = images(goldenFill(golden.fill, n * cout * h * w, 77, 1, 0), cout);
      const given = { labels: golden.labels, embedding: embeddingOf(golden, network, { device, dtype }) };
      const [out, cache] = network.forward(images(inputValues(golden), cin), golden.t, given);
      network.backward(mse.backward(tensor(1, { device, dtype }), out, target).da, cache, grads);
      return { y: out, loss: mse.forward(out, target) };
    });
    const rows: GoldenRow[] = [
      { name: "output", quantity: "value", error: relativeMax(toChannelsFirst(await y.data(), y.shape), golden.output) },
      { name: "loss", quantity: "value", error: relativeMax(await loss.data(), [golden.loss]) },
      ...(await gradientRows(network.parameters, grads, golden.params)),
    ];
    for (const t of [y, loss]) t.dispose();
    grads.clear();
    return rows;
  } finally {
    disposeParameters(network);
  }
}

/** The fields of a file of kind "unet" or "dit", checked one by one. */
function networkGoldenOf(file: UNetGolden, kind: "unet" | "dit"): UNetGolden {
  checkGolden(file, kind);
  const fields = file as unknown as GoldenFields;
  const read = <T>(from: GoldenFields, prefix: string, name: string, as: (value: unknown, where: string) => T): T => (
    as(ownField(from, name), `${prefix}${name}`)
  );
  const given = <T>(name: string, as: (value: unknown, where: string) => T): T | undefined => (
    ownField(fields, name) === undefined ? undefined : read(fields, "", name, as)
  );
  const filled = (value: unknown, where: string): { fill_index: number; scale: number } => {
    const inner = objectAt(value, where);
    return { fill_index: read(inner, `${where}.`, "fill_index", numberAt), scale: read(inner, `${where}.`, "scale", numberAt) };
  };
  const input = read(fields, "", "input", objectAt);
  const shape = read(input, "input.", "shape", (value, where) => shapeAt(value, where, 4)) as UNetGolden["input"]["shape"];
  const labels = given("labels", (value, where) => labelsAt(value, where, shape[0]));
  const embedding = given("embedding", filled);
  return {
    format: file.format, kind, fill: read(fields, "", "fill", goldenFillOf), config: read(fields, "", "config", objectAt),
    input: "data" in input ? { shape, data: read(input, "input.", "data", (value, where) => numbersAt(value, where, sizeOf(shape))) }
      : { shape, ...filled(input, "input") },
    t: read(fields, "", "t", (value, where) => numbersAt(value, where, shape[0])),
    ...(labels === undefined ? {} : { labels }), ...(embedding === undefined ? {} : { embedding }),
    output: read(fields, "", "output", (value, where) => numbersAt(value, where)), loss: read(fields, "", "loss", numberAt),
    params: read(fields, "", "params", listAt).map((param, k) => {
      const inner = objectAt(param, `params[${k}]`), prefix = `params[${k}].`;
      return {
        name: read(inner, prefix, "name", textAt), shape: read(inner, prefix, "shape", (value, where) => shapeAt(value, where)),
        grad_sum: read(inner, prefix, "grad_sum", numberAt), grad_l2: read(inner, prefix, "grad_l2", numberAt),
        grad_first: read(inner, prefix, "grad_first", (value, where) => numbersAt(value, where)),
      };
    }),
  };
}

/** Throws ConfigError where arrays of a file are not as long as the network says: before any values are made. */
function checkShapes({ input: { shape: [n, cin, h, w] }, output, params }: UNetGolden, { spec, parameters }: Network): void {
  if (spec.sample.at(-1) !== cin) throw goldenError("input.shape[1]", cin, `${spec.sample.at(-1)}, the channels that the network reads`);
  const count = n * spec.outputs * h * w;
  if (output.length !== count) throw goldenError("output", output, `a flat list of ${count} finite numbers`);
  const shapes = new Map(parameters.map((p) => [p.name, fileShape(p)]));
  for (const [k, { name, shape, grad_first: first }] of params.entries()) {
    const expected = shapes.get(name);
    if (expected === undefined) continue;                                     // refused with all other names when they are loaded
    if (!sameShape(shape, expected)) throw goldenError(`params[${k}].shape`, shape, `[${expected.join(", ")}], that of ${name}`);
    if (first.length > sizeOf(shape)) throw goldenError(`params[${k}].grad_first`, first, `at most ${sizeOf(shape)} finite numbers`);
  }
}

function inputValues({ input, fill }: UNetGolden): Float64Array {
  if ("data" in input) return Float64Array.from(input.data);
  return goldenFill(fill, sizeOf(input.shape), input.fill_index, input.scale, 0);
}

function embeddingOf({ embedding, input: { shape: [n] }, fill }: UNetGolden, { spec: { embedding: width } }: Network, options: VerifyOptions): Tensor | undefined {
  if (embedding === undefined || width === undefined) return undefined;
  return tensor(goldenFill(fill, n * width, embedding.fill_index, embedding.scale, 0), { ...options, shape: [n, width] });
}

/** A parameter that nothing gives a gradient, such as frequencies that stay as drawn, has one of zeros. */
async function gradientRows(
  parameters: readonly Parameter[], grads: Grads, goldens: readonly GoldenGradient[],
): Promise<GoldenRow[]> {
  const byName = new Map(parameters.map((p) => [p.name, p]));
  const floor = 1e-4 * goldens.reduce((most, { grad_l2 }) => Math.max(most, grad_l2), 0);
  const rows: GoldenRow[] = [];
  for (const { name, grad_sum, grad_l2, grad_first } of goldens) {
    const p = byName.get(name)!;
    const g = toFileLayout(p, await grads.get(p)?.data() ?? new Float64Array(sizeOf(p.shape)));
    let [sum, squares] = [0, 0];
    for (const value of g) {
      sum += value;
      squares += value * value;
    }
    const scale = Math.max(grad_l2, floor);
    const first = grad_first.map((value, i) => Math.abs(g[i] - value)).reduce(worse, 0);
    rows.push(
      { name, quantity: "grad_l2", error: Math.abs(Math.sqrt(squares) - grad_l2) / scale },
      { name, quantity: "grad_sum", error: Math.abs(sum - grad_sum) / (Math.sqrt(g.length) * scale) },
      { name, quantity: "grad_first", error: first / scale },
    );
  }
  return rows;
}
