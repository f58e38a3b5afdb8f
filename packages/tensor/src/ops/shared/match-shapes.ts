/** Shape checks of the neural ops: patterns with named axes. What is wrong is put into words in shape-mismatch.ts. */
import { assertTensor } from "../../core/expect-tensor.js";
import type { Shape } from "../../core/shape.js";
import { Tensor } from "../../core/tensor.js";
import { throwMismatch } from "./shape-mismatch.js";

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

/** The axes of a pattern, taken apart. */
interface Axes {
  readonly names: readonly string[];
  /** NaN for a name. */
  readonly numbers: readonly number[];
  /** The place of "...", -1 where there is none. */
  readonly rest: number;
}

const known = new Map<string, Axes>();

function axesOf(text: string): Axes {
  const found = known.get(text);
  if (found !== undefined) return found;
  const names = text === "" ? [] : text.split(" ");
  const axes = { names, numbers: names.map(Number), rest: names.indexOf("...") };
  known.set(text, axes);
  return axes;
}

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
  const bound: string[] = [], sides: number[] = [];                                                // axes in the order they were met
  let rest: Shape | undefined, restFrom = 0, restCount = 0;                                        // what "..." stands for
  for (const name in patterns) {
    const pattern = patterns[name] as Pattern | OptionalPattern, tensor = pattern[0];
    if (!(tensor instanceof Tensor)) {
      if (tensor === undefined && pattern[2] !== undefined) continue;
      assertTensor(op, name, tensor);
    }
    const { names, numbers, rest: at } = axesOf(pattern[1]), { shape } = tensor;
    const count = at < 0 ? 0 : shape.length - names.length + 1;                                    // axes that "..." stands for
    if (count < 0 || (at < 0 && shape.length !== names.length)) throwMismatch(op, patterns);
    for (let i = 0, axis = 0; i < names.length; i++) {
      let side = 1;
      if (i === at) {
        if (rest !== undefined && restCount !== count) throwMismatch(op, patterns);
        for (let j = 0; j < count; j++) {
          if (rest !== undefined && rest[restFrom + j] !== shape[axis + j]) throwMismatch(op, patterns);
          side *= shape[axis + j];
        }
        if (rest === undefined) [rest, restFrom, restCount] = [shape, axis, count];
        axis += count;
      } else {
        side = shape[axis++];
      }
      const known = bound.indexOf(names[i]), isName = Number.isNaN(numbers[i]);
      const expected = known >= 0 ? sides[known] : isName ? side : numbers[i];
      if (side === 0 || side !== expected) throwMismatch(op, patterns);
      if (known < 0 && isName) sides[bound.push(names[i]) - 1] = side;
    }
  }
  const sizes: Record<string, number> = {};
  for (let i = 0; i < bound.length; i++) sizes[bound[i]] = sides[i];
  return sizes as AxisSizes<P>;
}
