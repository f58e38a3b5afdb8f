import { NumericError } from "../core/errors.js";
import type { Observer } from "../core/observe.js";
import { formatShape } from "../core/shape.js";
import { operationName, updatedBy } from "../kernels/contract.js";
import { readAll, whenRead } from "./reading.js";

/**
 * An observer that reads every result and throws NumericError at the first NaN or infinity, with the kernel, the tensor and the layer:
 * at once on a device that computes at once, else as its verdict.
 */
export function finiteCheck(): Observer {
  return {
    after({ kernel, attrs, outputs, layer }) {
      return whenRead(readAll(outputs), (read) => {
        for (const { name, tensor, values } of read) {
          const bad = values.findIndex((value) => !Number.isFinite(value));
          if (bad < 0) continue;
          const which = updatedBy(kernel).length > 0 || read.length > 1 ? `the output ${name}` : "the output";
          const error = new NumericError(`${operationName(kernel, attrs)}: ${which} ${tensor.dtype} ${formatShape(tensor.shape)} is not finite`, [
            `element ${bad} is ${values[bad]}`,
          ]);
          error.locate(layer);
          throw error;
        }
      });
    },
  };
}
