import { run } from "../../core/device.js";
import { assertTensor } from "../../core/expect-tensor.js";
import { broadcastShapes, sameShape, sizeOf, type Shape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { assertOperand, asTensor, type Operand } from "../shared/binary.js";
import { broadcastTo } from "../shared/broadcast.js";

/**
 * y = a where condition is not 0, else b, with NumPy broadcasting of all three.
 * Throws ShapeError when the shapes do not broadcast, DeviceError when devices or dtypes differ.
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  assertTensor("where", "condition", condition);
  if (typeof a !== "number") assertOperand("where", "a", a);
  if (typeof b !== "number") assertOperand("where", "b", b);
  return condition.device.scope(() => {
    const [x, y] = [asTensor(a, condition), asTensor(b, condition)];
    const shape = broadcastShapes("where", condition.shape, broadcastShapes("where", x.shape, y.shape));
    const inputs = { condition: repeat(condition, shape), a: repeat(x, shape), b: repeat(y, shape) };
    return run("where", inputs, { n: sizeOf(shape) }, {}, { y: shape }).y;
  });
}

function repeat(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : broadcastTo(x, shape);
}
