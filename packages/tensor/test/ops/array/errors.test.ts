import { expect } from "chai";
import * as t from "../../../src/index.js";
import { openStrict } from "../../strict-backend.js";
import { thrown } from "../../thrown.js";

describe("ndarray functions say what is wrong", () => {
  let device: t.Device;
  before(async () => void (device = await t.openDevice("reference")));
  const zeros = (...shape: number[]): t.Tensor => t.zeros(shape, { device });

  /** Each row: the text, and what throws it as a ShapeError. */
  const rows: [text: string, fn: () => unknown][] = [
    ["add: shapes do not broadcast: 3 against 4 at axis -1\n  a        [2, 3]\n  b        [4]",
      () => t.add(zeros(2, 3), zeros(4))],
    ["less: shapes do not broadcast: 0 against 2 at axis -2\n  a        [0, 3]\n  b        [2, 3]",
      () => t.less(zeros(0, 3), zeros(2, 3))],
    ["where: shapes do not broadcast: 2 against 3 at axis -1\n  a        [2]\n  b        [3]",
      () => t.where(zeros(2), zeros(3), 0)],
    ["add: one operand must be a tensor\n  a        1\n  b        2", () => t.add(1, 2)],
    ["sum: axis 2 is out of range for a tensor of rank 2\n  allowed  -2 .. 1", () => t.sum(zeros(2, 3), { axes: 2 })],
    ["sum: axis 0 is out of range for a tensor of rank 0\n  a scalar has no axes", () => t.sum(zeros(), { axes: 0 })],
    ["mean: axis 1 is named twice\n  axes     [1, -1]", () => t.mean(zeros(2, 3), { axes: [1, -1] })],
    ["variance: axis -3 is out of range for a tensor of rank 2\n  allowed  -2 .. 1", () => t.variance(zeros(2, 3), { axes: -3 })],
    ["max: there is no max of zero elements\n  x        [0, 3]", () => t.max(zeros(0, 3), { axes: 0 })],
    ["min: there is no min of zero elements\n  x        [0]", () => t.min(zeros(0))],
    ["argmax: there is no argmax of zero elements\n  x        [2, 0]", () => t.argmax(zeros(2, 0), { axis: 1 })],
    ["argmax: axis 0.5 is out of range for a tensor of rank 1\n  allowed  -1 .. 0", () => t.argmax(zeros(2), { axis: 0.5 })],
    ["reshape: 6 elements do not fit the new shape\n  x        [2, 3]\n  shape    [4]", () => t.reshape(zeros(2, 3), [4])],
    ["reshape: no whole number fits in the place of -1\n  x        [2, 3]\n  shape    [4, -1]",
      () => t.reshape(zeros(2, 3), [4, -1])],
    ["reshape: no whole number fits in the place of -1\n  x        [0]\n  shape    [0, -1]", () => t.reshape(zeros(0), [0, -1])],
    ["reshape: sizes must be integers >= 0\n  shape    [-1]", () => t.reshape(zeros(2, 3), [-1, -1])],
    ["permute: the order names 1 of 2 axes\n  x        [2, 3]\n  order    [1]", () => t.permute(zeros(2, 3), [1])],
    ["permute: axis 0 is named twice\n  axes     [0, 0]", () => t.permute(zeros(2, 3), [0, 0])],
    ["transpose: axis -2 is out of range for a tensor of rank 1\n  allowed  -1 .. 0", () => t.transpose(zeros(3))],
    ["expandDims: axis 3 is out of range for a tensor of rank 3\n  allowed  -3 .. 2", () => t.expandDims(zeros(2, 3), 3)],
    ["squeeze: axis 1 has size 3, not 1\n  x        [1, 3]", () => t.squeeze(zeros(1, 3), [0, -1])],
    ["flip: axis 1 is out of range for a tensor of rank 1\n  allowed  -1 .. 0", () => t.flip(zeros(2), 1)],
    ["slice: 2 axes are listed, the tensor has 1\n  x        [3]", () => t.slice(zeros(3), [0], [1, 1])],
    ["slice: 0.5 is no position\n  positions are integers or undefined", () => t.slice(zeros(3), [0.5])],
    ["split: 2 equal parts do not fill axis 0 of size 3\n  x        [3]", () => t.split(zeros(3), 2)],
    ["split: sizes [1, 1] do not add up to axis 1 of size 3\n  x        [2, 3]", () => t.split(zeros(2, 3), [1, 1], -1)],
    ["split: sizes [4, -1] do not add up to axis 0 of size 3\n  x        [3]", () => t.split(zeros(3), [4, -1])],
    ["split: 0 is no number of parts\n  allowed  integers >= 1", () => t.split(zeros(3), 0)],
    ["pad: widths must be pairs of integers >= 0, at most one pair for each axis\n  x        [3]\n  widths   [1, -1]",
      () => t.pad(zeros(3), [[1, -1]])],
    ["pad: widths must be pairs of integers >= 0, at most one pair for each axis\n  x        []\n  widths   [0, 1]",
      () => t.pad(zeros(), [[0, 1]])],
    ["broadcastTo: [2, 3] does not broadcast to [3]", () => t.broadcastTo(zeros(2, 3), [3])],
    ["broadcastTo: shapes do not broadcast: 2 against 3 at axis -1\n  a        [2]\n  b        [3]",
      () => t.broadcastTo(zeros(2), [3])],
    ["sumTo: [3, 1] does not broadcast to [3]", () => t.sumTo(zeros(3), [3, 1])],
    ["concat: the list of tensors is empty", () => t.concat([])],
    ["concat: shapes may differ in axis 1 only\n  tensor 0 [2, 3]\n  tensor 1 [3, 3]",
      () => t.concat([zeros(2, 3), zeros(3, 3)], 1)],
    ["concat: shapes may differ in axis 0 only\n  tensor 0 [2]\n  tensor 1 [2, 1]", () => t.concat([zeros(2), zeros(2, 1)])],
    ["concat: axis 0 is out of range for a tensor of rank 0\n  a scalar has no axes", () => t.concat([zeros(), zeros()])],
    ["stack: shapes differ\n  tensor 0 [2]\n  tensor 1 [1]", () => t.stack([zeros(2), zeros(1)])],
    ["stack: the list of tensors is empty", () => t.stack([])],
    ["gather: index 12 at position 3 is out of range for axis 0 of size 10\n  allowed  0 .. 9",
      () => t.gather(zeros(10), [0, 1, 2, 12])],
    ["gather: index -1 at position 0 is out of range for axis 1 of size 3\n  allowed  0 .. 2",
      () => t.gather(zeros(2, 3), [-1], -1)],
    ["gather: index 0.5 at position 0 is out of range for axis 0 of size 2\n  allowed  0 .. 1", () => t.gather(zeros(2), [0.5])],
    ["gather.backward: 1 indices for axis 0 of size 2\n  dy       [2]", () => t.gather.backward(zeros(2), [0], 0, 4)],
    ["oneHot: index 3 at position 1 is out of range for 3 classes\n  allowed  0 .. 2",
      () => t.oneHot(Int32Array.of(0, 3), 3, { device })],
    ["matmul: A has 3 columns, B has 4 rows\n  a        [2, 3]\n  b        [4, 2]", () => t.matmul(zeros(2, 3), zeros(4, 2))],
    ["matmul: A has 2 columns, B has 4 rows\n  a        [2, 3]   transposed\n  b        [3, 4]   transposed",
      () => t.matmul(zeros(2, 3), zeros(3, 4), { transposeA: true, transposeB: true })],
    ["matmul: a scalar is no matrix\n  a        []\n  b        [3]", () => t.matmul(zeros(), zeros(3))],
    ["matmul: shapes do not broadcast: 2 against 3 at axis -1\n  a        [2]\n  b        [3]",
      () => t.matmul(zeros(2, 1, 1), zeros(3, 1, 1))],
    ["matmul.backward: dy does not fit\n  dy       [3]   expected [2, 2]",
      () => t.matmul.backward(zeros(3), zeros(2, 3), zeros(3, 2))],
    ["tensor: the nested arrays are ragged\n  element 0 has shape [2], element 1 [1]", () => t.tensor([[1, 2], [3]], { device })],
    ["tensor: the nested arrays are ragged\n  element 0 has shape [], element 1 [1]", () => t.tensor([1, [2]], { device })],
    ["tensor: 3 values do not fill the shape\n  shape    [2, 2] = 4 values",
      () => t.tensor([1, 2, 3], { device, shape: [2, 2] })],
    ["tensor: sizes must be integers >= 0\n  shape    [-1]", () => t.tensor([1], { device, shape: [-1] })],
    ["full: sizes must be integers >= 0\n  shape    [1.5]", () => t.full([1.5], 0, { device })],
    ["arange: start, stop and step give no finite number of values\n  start    0\n  stop     1\n  step     0",
      () => t.arange(0, 1, 0, { device })],
    ["linspace: sizes must be integers >= 0\n  shape    [-2]", () => t.linspace(0, 1, -2, { device })],
  ];

  for (const [text, fn] of rows) {
    it(text.split("\n")[0], () => {
      const before = device.memory();
      device.scope(() => expect(thrown(fn)).to.be.instanceOf(t.ShapeError).with.property("message", text));
      expect(device.memory().tensors, "what the op made before it failed is freed").to.equal(before.tensors);
    });
  }

  it("an f32 axis too long for exact positions is refused by argmax and gather", () => {
    const long = t.zeros([2 ** 24 + 1], { device });
    const text = (op: string): string => `${op}: an axis of 16777217 is too long for positions in f32\n  allowed  1 .. 16777216`;
    expect(thrown(() => t.argmax(long))).to.have.property("message", text("argmax"));
    expect(thrown(() => t.gather(long, [0]))).to.have.property("message", text("gather"));
    long.dispose();
  });

  it("a mix of dtypes names the op, the tensor and the way out", () => {
    const wide = t.zeros([2], { device, dtype: "f64" });
    const error = thrown(() => t.add(zeros(2), wide));
    expect(error).to.be.instanceOf(t.DeviceError);
    expect(error.message).to.equal("add: b is f64 where the other inputs are f32\n  convert one with cast()");
  });

  it("a mix of devices names both", () => {
    const other = t.Device.over("strict", openStrict());
    const error = thrown(() => t.matmul(zeros(2, 2), t.zeros([2, 2], { device: other })));
    expect(error).to.be.instanceOf(t.DeviceError);
    expect(error.message).to.equal([
      "matmul: the inputs live on two devices, reference and strict",
      "  a: Tensor f32 [2, 2] on reference", "  b: Tensor f32 [2, 2] on strict", "  move one with to(x, device)",
    ].join("\n"));
  });

  it("a disposed tensor is named with the op and its place in it", () => {
    const x = zeros(2, 3);
    x.dispose();
    const error = thrown(() => t.multiply(zeros(3), x));
    expect(error).to.be.instanceOf(t.DisposedError);
    expect(error.message).to.equal("multiply (b): the tensor was disposed\n  x        f32 [2, 3]");
    expect(thrown(() => t.reshape(x, [6])).message).to.equal("reshape: the tensor was disposed\n  x        f32 [2, 3]");
  });
});
