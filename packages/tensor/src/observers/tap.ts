import { eachTensor, type Observer } from "../core/observe.js";
import type { Tensor } from "../core/tensor.js";
import { operationName } from "../kernels/contract.js";

/** A tensor that goes into or comes out of a kernel; valid during the call, `clone` it to keep it. */
export interface Tapped {
  /** The layer that runs the kernel, "" outside of layers. */
  readonly layer: string;
  /** Counts the kernels since the tap was made, from 0. */
  readonly call: number;
  readonly kind: "in" | "out";
  /** The operation ("exp" rather than "unary"), and the tensor's name in it. */
  readonly op: string;
  readonly name: string;
  readonly tensor: Tensor;
}

/** An observer that hands every tensor of every kernel to `visit`. */
export function tap(visit: (tapped: Tapped) => void): Observer {
  let call = 0;
  return {
    before({ kernel, attrs, inputs, layer }) {
      for (const [name, tensor] of eachTensor(inputs)) visit({ layer, call, kind: "in", op: operationName(kernel, attrs), name, tensor });
    },
    after({ kernel, attrs, outputs, layer }) {
      for (const [name, tensor] of eachTensor(outputs)) visit({ layer, call, kind: "out", op: operationName(kernel, attrs), name, tensor });
      call++;
    },
  };
}
