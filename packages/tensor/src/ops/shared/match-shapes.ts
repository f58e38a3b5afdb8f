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
  /** The place of each axis among the names of the plan, -1 for a number. */
  readonly places: readonly number[];
  /** NaN for a name. */
  readonly numbers: readonly number[];
  /** Which axis is "...", -1 where none is. */
  readonly rest: number;
}

/** Sizes that were given before, so that the shapes of a training step make no objects. */
interface Known { readonly sides: readonly number[]; readonly sizes: Readonly<Record<string, number>> }

/** The patterns of an op, taken apart once. */
interface Plan {
  readonly texts: readonly string[];
  readonly axes: readonly Axes[];
  /** Names of axes in the order in which they first come. */
  readonly names: readonly string[];
  readonly known: Known[];
  /** Sizes while they are found, by place among the names; 0 where there is none yet. */
  readonly sides: number[];
}

/** More shapes than this are not remembered at a time. */
const KNOWN = 32;

const plans = new Map<string, Plan>();

function planOf(op: string, patterns: Patterns): Plan {
  const found = plans.get(op);
  if (found !== undefined && isOf(found, patterns)) return found;
  const texts = Object.values(patterns).map((pattern) => (pattern as Pattern | OptionalPattern)[1]), names: string[] = [];
  const axes = texts.map((text): Axes => {
    const words = text === "" ? [] : text.split(" "), numbers = words.map(Number);
    for (const [i, word] of words.entries()) if (Number.isNaN(numbers[i]) && !names.includes(word)) names.push(word);
    return { places: words.map((word) => names.indexOf(word)), numbers, rest: words.indexOf("...") };
  });
  const plan = { texts, axes, names, known: [], sides: names.map(() => 0) };
  plans.set(op, plan);
  return plan;
}

function isOf({ texts }: Plan, patterns: Patterns): boolean {
  let i = 0;
  for (const name in patterns) if ((patterns[name] as Pattern | OptionalPattern)[1] !== texts[i++]) return false;
  return i === texts.length;
}

/** The sizes that were found, as an object that may serve again. */
function sizesOf({ names, known, sides }: Plan): Readonly<Record<string, number>> {
  for (const { sides: others, sizes } of known) {
    let i = 0;
    while (i < sides.length && others[i] === sides[i]) i++;
    if (i === sides.length) return sizes;
  }
  const sizes = Object.freeze(Object.fromEntries(names.map((name, i) => [name, sides[i]]).filter(([, side]) => side !== 0)) as Record<string, number>);
  if (known.push({ sides: [...sides], sizes }) > KNOWN) known.shift();
  return sizes;
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
  const plan = planOf(op, patterns), { axes, sides } = plan;
  sides.fill(0);
  let rest: Shape | undefined, restFrom = 0, restCount = 0;                                        // what "..." stands for
  let k = 0;
  for (const name in patterns) {
    const pattern = patterns[name] as Pattern | OptionalPattern, tensor = pattern[0], { places, numbers, rest: at } = axes[k++];
    if (!(tensor instanceof Tensor)) {
      if (tensor === undefined && pattern[2] !== undefined) continue;
      assertTensor(op, name, tensor);
    }
    const { shape } = tensor, count = at < 0 ? 0 : shape.length - places.length + 1;               // axes that "..." stands for
    if (count < 0 || (at < 0 && shape.length !== places.length)) throwMismatch(op, patterns);
    for (let i = 0, axis = 0; i < places.length; i++) {
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
      const place = places[i];
      if (side === 0 || side !== (place < 0 ? numbers[i] : sides[place] || side)) throwMismatch(op, patterns);
      if (place >= 0) sides[place] = side;
    }
  }
  return sizesOf(plan) as AxisSizes<P>;
}
