/** Shape checks of the neural ops: patterns with named axes, and the error that lists every tensor. */
import { ShapeError } from "../errors.js";
import { formatShape, sizeOf, type Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";

/** A tensor (undefined: an optional one that is absent) and its axes: names, numbers, at most one "..." for any number of axes. */
export type Pattern = readonly [tensor: Tensor | undefined, axes: string];

const REST = "...";

/**
 * Binds the named axes of the patterns, in the order given, and returns their sizes; "..." gives the product of its axes.
 * Equal names must have equal sizes, and no size may be 0.
 *
 *     const { N, C } = matchShapes("addPerImage", { x: [x, "N H W C"], v: [v, "N C"] });
 *
 * Throws ShapeError: one sentence on the first axis that does not fit, then each tensor with actual and expected shape.
 */
export function matchShapes(op: string, patterns: Readonly<Record<string, Pattern>>): Record<string, number> {
  const bound = new Map<string, { owner: string; sizes: Shape }>();
  for (const [name, [tensor, axes]] of Object.entries(patterns)) {
    if (tensor === undefined) continue;
    const fail = (reason: string): never => {
      throw new ShapeError(`${op}: ${name} ${reason}`, describe(patterns, bound));
    };
    const names = axes === "" ? [] : axes.split(" ");
    const rest = names.includes(REST) ? tensor.rank - (names.length - 1) : 1;
    if (names.includes(REST) ? rest < 0 : tensor.rank !== names.length) {
      fail(`has ${tensor.rank} axes where ${names.includes(REST) ? `at least ${names.length - 1}` : names.length} are needed`);
    }
    if (tensor.size === 0) fail("is empty");
    let axis = 0;
    for (const axisName of names) {
      const sizes = tensor.shape.slice(axis, axis += axisName === REST ? rest : 1);
      const known = bound.get(axisName) ?? { owner: "the op", sizes: [Number(axisName)] };
      if (!bound.has(axisName) && Number.isNaN(known.sizes[0])) bound.set(axisName, { owner: name, sizes });
      else if (formatShape(sizes) !== formatShape(known.sizes)) {
        fail(`has ${axisName} = ${show(sizes, axisName)} where ${known.owner} has ${show(known.sizes, axisName)}`);
      }
    }
  }
  return Object.fromEntries([...bound].map(([axisName, { sizes }]) => [axisName, sizeOf(sizes)]));
}

function show(sizes: Shape, axisName: string): string {
  return axisName === REST ? formatShape(sizes) : String(sizes[0]);
}

/** A line a tensor: actual shape, and the expected one with the sizes that tensors before it have fixed. */
function describe(patterns: Readonly<Record<string, Pattern>>, bound: ReadonlyMap<string, { owner: string; sizes: Shape }>): string[] {
  const lines: string[] = [];
  for (const [name, [tensor, axes]] of Object.entries(patterns)) {
    if (tensor === undefined) continue;
    const expected = axes.split(" ").map((axisName) => {
      const known = bound.get(axisName);
      return known === undefined || known.owner === name ? axisName : known.sizes.join(", ");
    });
    lines.push(`${name.padEnd(8)} ${formatShape(tensor.shape)}   expected [${expected.filter((side) => side !== "").join(", ")}]`);
  }
  return lines;
}
