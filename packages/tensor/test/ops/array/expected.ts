/** Reads expected.json, the table that expected.py writes with NumPy. */
import { readFileSync } from "node:fs";
import { sizeOf, tensor, type DType, type Device, type Shape, type Tensor } from "../../../src/index.js";
import * as ops from "../../../src/ops/index.js";

export interface Expected { shape: Shape; values: number[] }
export interface Case { op: string; args: unknown[]; gives: Expected[] }
export interface Text { values: unknown; dtype: DType; options: object; gives: string }

const file = JSON.parse(readFileSync(new URL("./expected.json", import.meta.url), "utf8")) as { cases: Case[]; texts: Text[] };
export const texts = file.texts;
export const cases = file.cases.map(({ op, args, gives }): Case => ({
  op, args, gives: gives.map(({ shape, values }) => ({ shape, values: values.map((value) => decodeNumber(value) as number) })),
}));

/** "nan", "inf", "-inf" and "-0" as numbers, in nested arrays too; null as undefined. */
export function decodeNumber(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decodeNumber);
  const special: Record<string, number> = { nan: NaN, inf: Infinity, "-inf": -Infinity, "-0": -0 };
  return value === null ? undefined : special[value as string] ?? value;
}

/** The values that expected.py gives an argument of this shape: multiples of 1/4, with ties. */
function argumentValues(size: number, seed: number, positive: boolean): Float64Array {
  return Float64Array.from({ length: size }, (_, i) => ((7 * i + 5 * seed) % 13 - (positive ? -1 : 6)) / 4);
}

function decode(arg: unknown, device: Device, dtype: DType): unknown {
  if (Array.isArray(arg)) return arg.map((element) => decode(element, device, dtype));
  if (typeof arg !== "object" || arg === null) return decodeNumber(arg);
  const { x, positive, seed = 0 } = arg as { x?: Shape; positive?: Shape; seed?: number };
  const shape = x ?? positive;
  if (shape === undefined) return arg;
  return tensor(argumentValues(sizeOf(shape), seed, positive !== undefined), { device, dtype, shape });
}

const creators = ["arange", "linspace", "eye", "oneHot", "zeros", "ones", "full", "tensor"];

/** The arguments of a case, its tensors made on the device. */
export function argumentsOf({ op, args }: Case, device: Device, dtype: DType): unknown[] {
  const decoded = args.map((arg) => decode(arg, device, dtype));
  return creators.includes(op) ? [...decoded, { device, dtype }] : decoded;
}

/** The result of a case's op as a list of tensors. */
export function applyOp({ op }: Case, args: readonly unknown[]): Tensor[] {
  const f = op.split(".").reduce<unknown>((object, key) => (object as Record<string, unknown>)[key], ops);
  const result = (f as (...args: readonly unknown[]) => unknown)(...args);
  if (Array.isArray(result)) return result as Tensor[];
  return op === "matmul.backward" ? Object.values(result as Record<string, Tensor>) : [result as Tensor];
}
