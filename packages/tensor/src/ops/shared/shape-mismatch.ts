/** The error of tensors that do not fit their patterns: one sentence, then a line for every tensor. */
import { ShapeError } from "../../core/errors.js";
import { assertTensor } from "../../core/expect-tensor.js";
import { formatShape, sameShape, type Shape } from "../../core/shape.js";
import type { Patterns } from "./match-shapes.js";

const REST = "...";

/** The tensor that fixed the size of a named axis. */
interface Binding { owner: string; sizes: Shape }

/**
 * Finds the first axis that does not fit and throws ShapeError; ConfigError for what is no tensor. matchShapes has seen that one of
 * them is so.
 */
export function throwMismatch(op: string, patterns: Patterns): never {
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
  throw new Error(`${op}: the shapes fit after all, which is a mistake of matchShapes`);
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
