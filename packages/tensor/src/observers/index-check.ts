import type { NumberArray } from "../core/backend.js";
import { ShapeError } from "../core/errors.js";
import type { Observer } from "../core/observe.js";
import type { Tensor } from "../core/tensor.js";

/**
 * An observer for debugging: before a `gather` or `scatterAdd` reads or writes by indices it looks whether all of them lie on the axis.
 * The ops check what they are given, so only direct calls of `Device.run` can fail here. Throws ShapeError on a device that computes
 * at once; on others indices cannot be read in time, and it says nothing.
 */
export function indexCheck(): Observer {
  return {
    before({ kernel, inputs, attrs, device }) {
      if (kernel !== "gather" && kernel !== "scatterAdd") return;
      const { axis } = attrs as { axis: number };
      const indices = device.peek(inputs["index"] as Tensor);
      if (indices instanceof Promise) return;
      const bad = (indices as NumberArray).findIndex((index) => !Number.isInteger(index) || index < 0 || index >= axis);
      if (bad >= 0) throw new ShapeError(`${kernel}: index ${bad} is ${indices[bad]}`, [`allowed  whole numbers from 0 to ${axis - 1}`]);
    },
  };
}
