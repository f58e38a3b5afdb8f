/** NumPy's broadcasting by definition: element by element, at the index that each operand has of its own. */
import { expect } from "chai";
import fc from "fast-check";
import {
  add, broadcastTo, Device, divide, multiply, ShapeError, sizeOf, subtract, sumTo, tensor, where, zeros, type Shape, type Tensor,
} from "../../src/index.js";
import { holds } from "../properties.js";
import { openStrict } from "../strict-backend.js";

/** Axes of the result, sizes 0 to 4. */
const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });

/** A shape that broadcasts to the given one: some axes 1, some at the front left out. */
const operandOf = (shape: Shape): fc.Arbitrary<number[]> =>
  fc.tuple(fc.nat(shape.length), fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }))
    .map(([without, ones]) => shape.map((side, axis) => (ones[axis] ? 1 : side)).slice(without));

/** A result's shape with shapes that broadcast to it, which together need every axis of it. */
const operands = (count: number): fc.Arbitrary<{ shape: number[]; parts: number[][] }> => shapes.chain((shape) =>
  fc.array(operandOf(shape), { minLength: count, maxLength: count }).map((others) => ({ shape, parts: [shape, ...others.slice(1)] })));

/** The place of element i of `shape` in an operand: axes aligned at the end, those of size 1 at 0. */
function place(i: number, shape: Shape, of: Shape): number {
  let at = 0, stride = 1, left = i;
  for (let axis = 1; axis <= shape.length; axis++) {
    const side = shape[shape.length - axis], own = of[of.length - axis] ?? 1, index = left % side;
    left = Math.floor(left / side);
    if (own !== 1) at += index * stride;
    stride *= own;
  }
  return at;
}

/** NumPy's rule: sizes aligned at the end are equal, or one of them is 1. undefined where they are not. */
function together(a: Shape, b: Shape): number[] | undefined {
  const sides: number[] = [];
  for (let axis = 1; axis <= Math.max(a.length, b.length); axis++) {
    const [p, q] = [a[a.length - axis] ?? 1, b[b.length - axis] ?? 1];
    if (p !== q && p !== 1 && q !== 1) return undefined;
    sides.unshift(p === 1 ? q : p);
  }
  return sides;
}

describe("broadcasting, against the index of each element", () => {
  const backend = openStrict(), device = Device.over("strict", backend);
  /** Different numbers in every place. */
  const made = (shape: Shape, first: number): Tensor =>
    tensor(Float64Array.from({ length: sizeOf(shape) }, (_, i) => first + i), { device, dtype: "f64", shape });
  /** Gives what a test needs of a computation, and checks that nothing of it is left. */
  const scoped = async (compute: () => Tensor): Promise<{ values: number[]; shape: Shape }> => {
    const y = device.scope(compute), found = { values: Array.from(await y.data()), shape: y.shape };
    y.dispose();
    expect(backend.live()).to.equal(0);
    return found;
  };

  it("computes operations of two tensors", () => holds(fc.asyncProperty(
    operands(2), fc.boolean(), fc.constantFrom(
      [add, (a: number, b: number) => a + b], [subtract, (a: number, b: number) => a - b],
      [multiply, (a: number, b: number) => a * b], [divide, (a: number, b: number) => a / b],
    ), async ({ shape, parts }, swapped, [op, of]) => {
      const [a, b] = swapped ? [...parts].reverse() : parts;
      const y = await scoped(() => op(made(a, 1), made(b, 100)));
      expect(y.shape).to.deep.equal(shape);
      expect(y.values).to.deep.equal(Array.from({ length: sizeOf(shape) }, (_, i) => of(1 + place(i, shape, a), 100 + place(i, shape, b))));
    },
  )));

  it("chooses by a condition", () => holds(fc.asyncProperty(operands(3), async ({ shape, parts: [a, b, c] }) => {
    const y = await scoped(() => where(tensor(Float64Array.from({ length: sizeOf(b) }, (_, i) => i % 2), { device, dtype: "f64", shape: b }), made(a, 1), made(c, 100)));
    expect(y.shape).to.deep.equal(shape);
    expect(y.values).to.deep.equal(Array.from({ length: sizeOf(shape) }, (_, i) =>
      place(i, shape, b) % 2 === 1 ? 1 + place(i, shape, a) : 100 + place(i, shape, c)));
  })));

  it("repeats a tensor, and adds up what was repeated", () => holds(fc.asyncProperty(operands(2), async ({ shape, parts: [, part] }) => {
    const repeated = await scoped(() => broadcastTo(made(part, 1), shape));
    expect(repeated.shape).to.deep.equal(shape);
    expect(repeated.values).to.deep.equal(Array.from({ length: sizeOf(shape) }, (_, i) => 1 + place(i, shape, part)));
    const sums = new Array<number>(sizeOf(part)).fill(0);
    for (let i = 0; i < sizeOf(shape); i++) sums[place(i, shape, part)] += 1 + i;
    const summed = await scoped(() => sumTo(made(shape, 1), part));
    expect(summed.shape).to.deep.equal(part);
    expect(summed.values).to.deep.equal(sums);
  })));

  it("goes by NumPy's rule for any two shapes, and refuses the others by a ShapeError", () => holds(fc.property(shapes, shapes, (a, b) => {
    const wanted = together(a, b);
    device.scope(() => {
      const run = (): Tensor => add(zeros(a, { device, dtype: "f64" }), zeros(b, { device, dtype: "f64" }));
      if (wanted === undefined) expect(run).to.throw(ShapeError, /^add: shapes do not broadcast: \d against \d at axis -\d/);
      else expect(run().shape).to.deep.equal(wanted);
    });
  }), 500));
});
