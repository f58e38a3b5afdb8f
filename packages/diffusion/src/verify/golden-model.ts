/** A trained model against numbers of another program: what its network says, and what samplers make of given noise. */
import {
  ConfigError, formatShape, goldenError, labelsAt, listAt, numbersAt, objectAt, ownField, shapeAt, sizeOf, tensor, type GoldenFields, type Shape, type Tensor,
} from "@fromnoise/tensor";
import {
  checkGolden, disposeParameters, relativeMax, toChannelsFirst, toChannelsLast, type Given, type Golden, type GoldenRow, type VerifyOptions,
} from "@fromnoise/nn";
import { shownName } from "@fromnoise/nn/kinds";
import { denoiserOf } from "../denoisers/denoiser.js";
import { loadModel, type TrainedModel } from "../models/load-model.js";
import { WEIGHTS, type Weights } from "../models/model-format.js";
import type { Source } from "../models/source.js";
import { samplers, type AnySampler } from "../samplers/index.js";
import { lastOf, runSampler } from "../samplers/run.js";

/** Numbers as files have them: C order, images as [N, C, H, W]. */
interface GoldenArray { readonly shape: Shape; readonly data: Float64Array }

/** One call of the network: output = network(x, t), under labels and a guess of x0 where it reads them. */
interface ModelCase {
  readonly x: GoldenArray; readonly t: readonly number[]; readonly labels: readonly number[] | undefined;
  readonly x0: GoldenArray | undefined; readonly output: GoldenArray;
}

/** One run of a sampler from xT, with z for its draws in turn. */
interface ModelSample {
  readonly sampler: AnySampler; readonly options: object; readonly xT: GoldenArray; readonly z: readonly GoldenArray[];
  readonly labels: readonly number[] | undefined; readonly output: GoldenArray;
}

/** A golden file of kind "model", checked: images in [-1, 1], as the model is trained on. */
export interface ModelGolden {
  /** Where the model is, from the folder of the file. */
  readonly source: string;
  readonly weights: Weights | undefined;
  /** Of a file of PyTorch: what it does not say of its network, see docs/pytorch-files.md. */
  readonly network: GoldenFields | undefined;
  readonly cases: readonly ModelCase[];
  readonly samples: readonly ModelSample[];
}

/**
 * Checks a golden file of kind "model". Throws ConfigError that names the first field that is missing or not allowed: arrays of another
 * length than their shape, numbers that are none, samplers that are not known, and a file with nothing to compare.
 */
export function modelGolden(file: object): ModelGolden {
  checkGolden(file as Golden, "model");
  const fields = file as GoldenFields;
  known(fields, "", ["format", "kind", "source", "weights", "network", "cases", "samples"]);
  const { source, weights } = fields;
  if (typeof source !== "string" || source === "") throw goldenError("source", source, "a path, from the folder of the file");
  if (weights !== undefined && !WEIGHTS.includes(weights as Weights)) throw goldenError("weights", weights, WEIGHTS.join(", "));
  const network = fields["network"] === undefined ? undefined : objectAt(fields["network"], "network");
  const cases = listOf(fields, "cases").map((one, i) => caseAt(one, `cases[${i}]`));
  const samples = listOf(fields, "samples").map((one, i) => sampleAt(one, `samples[${i}]`));
  if (cases.length + samples.length === 0) throw new ConfigError("the file compares nothing", ["needed   cases or samples, one or more"]);
  return { source, weights: weights as Weights | undefined, network, cases, samples };
}

/**
 * Runs the model of `files` on a device and compares, max |ours - theirs| / max |theirs|: the network's outputs, and what the samplers
 * end in. Each draw of a sampler takes the next array of z; one may be left over, as some programs draw for the last step too. Throws
 * ConfigError as `modelGolden`, for samplers that draw another number of times than there are z, and what the network throws; CheckpointError as `loadModel`; DeviceError for a dtype the device lacks.
 */
export async function verifyModel(golden: ModelGolden, files: Source, { device, dtype }: VerifyOptions): Promise<GoldenRow[]> {
  const { weights, network, cases, samples } = golden;
  const model = await loadModel(files, device, { dtype, ...(weights && { weights }), ...(network && { network }) });
  const upload = ({ shape, data }: GoldenArray): Tensor => (shape.length === 4
    ? tensor(toChannelsLast(data, shape), { device, dtype, shape: [shape[0], shape[2], shape[3], shape[1]] })
    : tensor(data, { device, dtype, shape }));
  const rows: GoldenRow[] = [];
  try {
    for (const [i, { x, t, labels, x0, output }] of cases.entries()) {
      const y = device.scope(() => model.network.apply(upload(x), t, { labels, ...(x0 === undefined ? {} : { x0: upload(x0) }) }));
      rows.push({ name: `cases[${i}]`, quantity: "output", error: await errorOf(y, output, `cases[${i}].output`) });
    }
    for (const [i, sample] of samples.entries()) {
      const where = `samples[${i}]`;
      const y = await sampleFrom(model, sample, where, upload, { device, dtype });
      rows.push({ name: `${where} ${sample.sampler.name}`, quantity: "sample", error: await errorOf(y, sample.output, `${where}.output`) });
    }
    return rows;
  } finally {
    disposeParameters(model.network);
  }
}

/** The end of a sampler's run from xT; the caller disposes it. */
async function sampleFrom(
  model: TrainedModel, { sampler, options, xT, z, labels }: ModelSample, where: string, upload: (array: GoldenArray) => Tensor,
  { device, dtype }: VerifyOptions,
): Promise<Tensor> {
  const start = device.keep(upload(xT));
  let drawn = 0;
  const noise = (draw: number): Tensor => {
    if (draw > z.length) {
      throw new ConfigError(`${where}: ${sampler.name} draws more often than there are z`, [`z        ${z.length} arrays`]);
    }
    drawn = draw;
    return upload(z[draw - 1]);
  };
  try {
    const { process, variance } = model;
    const given: Given = { labels };
    const y = await lastOf(runSampler(sampler, {
      denoise: denoiserOf(model, given), process, options, shape: start.shape, device, dtype, noise, start, variance,
    }));
    if (drawn === z.length || drawn === z.length - 1) return y;         // some draw for the last step too, and multiply by 0
    y.dispose();
    throw new ConfigError(`${where}: ${sampler.name} draws ${drawn} times`, [`z        ${z.length} arrays`]);
  } finally {
    start.dispose();
  }
}

/** max |y - output| / max |output|, y disposed. Throws ConfigError for another shape. */
async function errorOf(y: Tensor, { shape, data }: GoldenArray, where: string): Promise<number> {
  const values = await y.data().finally(() => y.dispose());
  const ours = y.rank === 4 ? [y.shape[0], y.shape[3], y.shape[1], y.shape[2]] : y.shape;
  if (formatShape(ours) !== formatShape(shape)) {
    throw new ConfigError(`${where}: the model gives another shape`, [`file     ${formatShape(shape)}`, `model    ${formatShape(ours)}`]);
  }
  return relativeMax(y.rank === 4 ? toChannelsFirst(values, y.shape) : values, data);
}

function caseAt(value: unknown, where: string): ModelCase {
  const fields = objectAt(value, where);
  known(fields, `${where}.`, ["x", "t", "labels", "x0", "output"]);
  const x = arrayAt(fields, where, "x");
  const t = numbersAt(ownField(fields, "t"), `${where}.t`, x.shape[0]);
  return {
    x, t, labels: labelsOf(fields, where, x.shape[0]), output: arrayAt(fields, where, "output"),
    x0: ownField(fields, "x0") === undefined ? undefined : arrayAt(fields, where, "x0"),
  };
}

function sampleAt(value: unknown, where: string): ModelSample {
  const fields = objectAt(value, where);
  known(fields, `${where}.`, ["sampler", "xT", "z", "labels", "output"]);
  const { name, ...options } = objectAt(ownField(fields, "sampler"), `${where}.sampler`);
  const sampler = samplers.find((one) => one.name === name);
  if (sampler === undefined) throw goldenError(`${where}.sampler.name`, name, samplers.map((one) => one.name).join(", "));
  const xT = arrayAt(fields, where, "xT");
  const z = listOf(fields, "z", `${where}.`).map((one, i) => {
    const array = arrayOf(one, `${where}.z[${i}]`);
    if (formatShape(array.shape) === formatShape(xT.shape)) return array;
    throw goldenError(`${where}.z[${i}].shape`, array.shape, `${formatShape(xT.shape)}, that of xT`);
  });
  return { sampler, options, xT, z, labels: labelsOf(fields, where, xT.shape[0]), output: arrayAt(fields, where, "output") };
}

function labelsOf(fields: GoldenFields, where: string, count: number): readonly number[] | undefined {
  const labels = ownField(fields, "labels");
  return labels === undefined ? undefined : labelsAt(labels, `${where}.labels`, count);
}

const arrayAt = (fields: GoldenFields, where: string, name: string): GoldenArray => arrayOf(ownField(fields, name), `${where}.${name}`);

/** {shape, data}: as many finite numbers as the shape says. */
function arrayOf(value: unknown, where: string): GoldenArray {
  const fields = objectAt(value, where);
  known(fields, `${where}.`, ["shape", "data"]);
  const shape = shapeAt(ownField(fields, "shape"), `${where}.shape`);
  if (shape.length < 1 || shape.length > 4) throw goldenError(`${where}.shape`, shape, "one to four whole numbers from 1");
  return { shape, data: Float64Array.from(numbersAt(ownField(fields, "data"), `${where}.data`, sizeOf(shape))) };
}

/** A list, empty where there is none. */
function listOf(fields: GoldenFields, name: string, where = ""): readonly unknown[] {
  return listAt(ownField(fields, name) ?? [], `${where}${name}`);
}

function known(fields: GoldenFields, prefix: string, allowed: readonly string[]): void {
  const other = Object.keys(fields).find((name) => !allowed.includes(name));
  if (other !== undefined) throw new ConfigError(`golden file: there is no field ${prefix}${shownName(other)}`, [`allowed  ${allowed.join(", ")}`]);
}
