/** Shape checks of the neural ops: patterns with named axes, and the error that lists every tensor. */
import { ShapeError } from "../../core/errors.js";
import { assertTensor } from "../../core/expect-tensor.js";
import { formatShape, sameShape, sizeOf, type Shape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";

/** A tensor and its axes: names, numbers, at most one "..." for any number. */
export type Pattern<Axes extends string = string> = readonly [tensor: Tensor, axes: Axes];

/** A pattern of a tensor that may be absent; where it is, its axes are not looked at. */
export type OptionalPattern<Axes extends string = string> = readonly [tensor: Tensor | undefined, axes: Axes, "optional"];

/** The tensors of an op by name. */
export type Patterns = Readonly<Record<string, Pattern | OptionalPattern>>;

/** The names in "N H W 2": N, H and W. Of a text that is not known when compiling, none. */
type AxisNames<Axes extends string> = string extends Axes ? never
  : Axes extends `${infer First} ${infer Others}` ? AxisName<First> | AxisNames<Others> : AxisName<Axes>;
type AxisName<Axis extends string> = Axis extends "" | `${number}` ? never : Axis;

/** The names in all patterns, and in those whose tensor is there for certain. */
type AllAxes<P> = {
  [name in keyof P]-?: NonNullable<P[name]> extends readonly [unknown, infer A extends string, ...unknown[]] ? AxisNames<A> : never;
}[keyof P];
type CertainAxes<P> = { [name in keyof P]-?: P[name] extends Pattern<infer A> ? AxisNames<A> : never }[keyof P];

/** Sizes by name: an axis that no pattern holds is a compile error, one that optional tensors alone hold may be undefined. */
export type AxisSizes<P> = { readonly [axis in AllAxes<P>]: axis extends CertainAxes<P> ? number : number | undefined };

const REST = "...";

/** The tensor that fixed the size of a named axis. */
interface Binding { owner: string; sizes: Shape }

/**
 * Binds the named axes of the patterns, in the order given, and returns their sizes; "..." gives the product of its axes.
 * Equal names must have equal sizes, and no size may be 0.
 *
 *     const { N, C } = matchShapes("addPerImage", { x: [x, "N H W C"], v: [v, "N C"] });
 *
 * Throws ConfigError for what is no tensor, and ShapeError: one sentence on the first axis that does not fit, then each tensor with
 * actual and expected shape.
 */
export function matchShapes<const P extends Patterns>(op: string, patterns: P): AxisSizes<P> {
  for (const name in patterns) {
    const [tensor, , optional] = patterns[name];
    if (tensor !== undefined || optional === undefined) assertTensor(op, name, tensor);
  }
  const bound = new Map<string, Binding>();
  for (const [name, [tensor, axes]] of Object.entries(patterns)) {
    if (tensor === undefined) continue;
    const fail = (reason: string): never => {
      throw new ShapeError(`${op}: ${name} ${reason}`, describe(patterns, bound));
    };
    const names = axes === "" ? [] : axes.split(" ");
    const rest = names.includes(REST) ? tensor.rank - (names.length - 1) : 0;                      // how many axes "..." stands for
    if (names.includes(REST) ? rest < 0 : tensor.rank !== names.length) fail(rankReason(tensor.rank, names));
    if (tensor.size === 0) fail("is empty");
    let axis = 0;
    for (const axisName of names) {
      const sizes = tensor.shape.slice(axis, axis += axisName === REST ? rest : 1);
      const known = bound.get(axisName);
      const fixed = Number(axisName);                                                               // NaN for a name
      if (known !== undefined && !sameShape(sizes, known.sizes)) fail(sizeReason(axisName, names, sizes, known));
      if (fixed !== sizes[0] && !Number.isNaN(fixed)) fail(`has an axis of size ${sizes[0]} where ${fixed} is needed`);
      if (known === undefined && Number.isNaN(fixed)) bound.set(axisName, { owner: name, sizes });
    }
  }
  return Object.fromEntries([...bound].map(([axisName, { sizes }]) => [axisName, sizeOf(sizes)])) as AxisSizes<P>;
}

function rankReason(rank: number, names: readonly string[]): string {
  const least = names.includes(REST);
  const needed = least ? names.length - 1 : names.length;
  return `has ${rank} ${rank === 1 ? "axis" : "axes"} where ${least ? "at least " : ""}${needed} ${needed === 1 ? "is" : "are"} needed`;
}

function sizeReason(axisName: string, names: readonly string[], sizes: Shape, { owner, sizes: expected }: Binding): string {
  if (axisName !== REST) return `has ${axisName} = ${sizes[0]} where ${owner} has ${expected[0]}`;
  const what = names.length === 1 ? "shape" : names[0] === REST ? "leading axes" : "middle axes";
  return `has ${what} ${formatShape(sizes)} where ${owner} has ${formatShape(expected)}`;
}

/** A line a tensor: actual shape, and the expected one with the sizes that tensors before it have fixed. */
function describe(patterns: Patterns, bound: ReadonlyMap<string, Binding>): string[] {
  const lines: string[] = [];
  for (const [name, [tensor, axes]] of Object.entries(patterns)) {
    if (tensor === undefined) continue;
    const expected = axes.split(" ").map((axisName) => {
      const known = bound.get(axisName);
      return known === undefined || known.owner === name ? axisName : known.sizes.join(", ");
    }).filter((side) => side !== "");
    lines.push(`${name.padEnd(8)} ${formatShape(tensor.shape)}   expected [${expected.join(", ")}]`);
  }
  return lines;
}
