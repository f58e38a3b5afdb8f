/** Numbers in memory as a dataset: points of a density, images from elsewhere. */
import { ConfigError, formatShape, ShapeError, sizeOf, type Shape } from "@fromnoise/tensor";
import { checkIndex, checkSample, describeSamples, sideBySide, type Dataset } from "./dataset.js";

/** What `arrayDataset` makes a dataset of. */
export interface ArrayOptions {
  /** What messages call it; default "array". */
  readonly name?: string;
  /** Of one sample: [H, W, C] of an image, [2] of a point in the plane. */
  readonly shape: Shape;
  /** All samples one after the other, or each in an array of its own. */
  readonly values: ArrayLike<number> | readonly ArrayLike<number>[];
  /** The class of each sample, from 0. */
  readonly labels?: ArrayLike<number>;
  /** Number of classes; default: one more than the largest label. */
  readonly classes?: number;
}

/**
 * A dataset of the given numbers, which are copied: as Float32Array where all of them came in such, else as Float64Array, which
 * holds any number. Those of images have to be in [-1, 1] already.
 * @throws ShapeError for values that are not whole samples, at least one, and for another number of labels than of samples;
 * ConfigError for a value that is not finite, a label that is no class, or classes without labels.
 */
export function arrayDataset(options: ArrayOptions): Dataset<Float32Array | Float64Array> {
  const { name = "array", values, labels, classes } = options;
  const shape = [...options.shape];
  const length = sampleLength(name, shape);
  const parts = isFlat(values) ? [values] : values;
  if (isFlat(values)) checkFlat(name, shape, values);
  else values.forEach((sample, i) => checkSample(name, shape, i, sample));
  parts.forEach((part, i) => checkFinite(name, part, i, length));
  const all = sideBySide(parts);
  const count = all.length / length;
  return {
    name, count, shape, ...labelled(name, count, labels, classes),
    sample(i) {
      checkIndex(name, i, count);
      return all.slice(i * length, (i + 1) * length);
    },
    describe: () => `${name}: ${describeSamples(count, shape)}`,
  };
}

function sampleLength(name: string, shape: Shape): number {
  if (shape.every((side) => Number.isInteger(side) && side > 0)) return sizeOf(shape);
  throw new ShapeError(`${name}: no sample has such a shape`, [`got        ${formatShape(shape)}`, "allowed    whole numbers from 1"]);
}

function isFlat(values: ArrayOptions["values"]): values is ArrayLike<number> {
  return values.length === 0 || typeof values[0] === "number";
}

function checkFlat(name: string, shape: Shape, { length }: ArrayLike<number>): void {
  if (length > 0 && length % sizeOf(shape) === 0) return;
  throw new ShapeError(`${name}: the values are no whole samples`, [
    `got        ${length} values`, `expected   a multiple of ${sizeOf(shape)}, of shape ${formatShape(shape)}, and at least one sample`,
  ]);
}

/** Part i of the values, or all of them, holds finite numbers. */
function checkFinite(name: string, part: ArrayLike<number>, i: number, length: number): void {
  for (let k = 0; k < part.length; k++) {
    if (Number.isFinite(part[k])) continue;
    const where = `value ${k % length} of sample ${i + Math.floor(k / length)}`;
    throw new ConfigError(`${name}: a value is no finite number`, [`got        ${String(part[k])}, ${where}`]);
  }
}

/** The part of a dataset that knows classes; empty without labels. */
function labelled(
  name: string, count: number, labels: ArrayOptions["labels"], classes: number | undefined,
): Pick<Dataset, "label" | "classes"> {
  if (labels === undefined) {
    if (classes === undefined) return {};
    throw new ConfigError(`${name}: classes without labels`, [`got        ${classes} classes`, "allowed    labels too, or neither"]);
  }
  if (labels.length !== count) {
    throw new ShapeError(`${name}: there is not one label a sample`, [`got        ${labels.length} labels`, `expected   ${count}`]);
  }
  if (classes !== undefined && !(Number.isInteger(classes) && classes >= 1)) {
    throw new ConfigError(`${name}: there is no such number of classes`, [`got        ${classes}`, "allowed    whole numbers from 1"]);
  }
  const given = Array.from(labels);
  const wrong = given.findIndex((label) => !Number.isInteger(label) || label < 0 || label >= (classes ?? Infinity));
  if (wrong >= 0) {
    const allowed = classes === undefined ? "whole numbers from 0" : `0 .. ${classes - 1}`;
    throw new ConfigError(`${name}: a label is no class`, [`got        ${given[wrong]}, of sample ${wrong}`, `allowed    ${allowed}`]);
  }
  return {
    classes: classes ?? given.reduce((most, label) => Math.max(most, label)) + 1,
    label(i) {
      checkIndex(name, i, count);
      return given[i];
    },
  };
}
