/** Observers see every kernel of a computation with its tensors; devices run kernels, and know nothing else of what observers do. */
import { DeviceError } from "./errors.js";
import { assertDevice } from "./expect-device.js";
import type { Device } from "./device.js";
import type { KernelName } from "../kernels/contract.js";
import type { Tensor } from "./tensor.js";

/** The operands of a kernel by name, each a tensor or a list of them. */
export type TensorsByName = Readonly<Record<string, Tensor | readonly Tensor[]>>;

/** A kernel that is about to run. */
export interface KernelCall {
  readonly device: Device;
  readonly kernel: KernelName;
  /** The layer that runs it, "" outside of layers. */
  readonly layer: string;
  readonly inputs: TensorsByName;
  /** Sizes, groups, strides, and the operation of a `unary`, `binary` or `reduce`. */
  readonly attrs: unknown;
  readonly scalars: Readonly<Record<string, number>>;
}

/** A kernel that has run, or was issued on a device with a queue. Outputs that name inputs are those inputs, already replaced. */
export interface KernelResult extends KernelCall {
  readonly outputs: TensorsByName;
  /** Milliseconds for the call; on a device with a queue, the time to issue it. */
  readonly ms: number;
}

/**
 * Called before and after each kernel. Tensors are valid during the call: clone what is to be kept. What an observer throws ends
 * the computation at that kernel. Where values arrive later, `after` returns a promise; its failure is the observer's verdict.
 */
export interface Observer {
  before?(call: KernelCall): void;
  after?(result: KernelResult): void | Promise<void>;
}

/**
 * Runs fn, which must be synchronous, with the observer on the kernels of the device, and takes it off again: it sees this
 * computation and no other. `settled` resolves when all promises of the observer have, and rejects with the first failure in the
 * order of the kernels; the device itself never hears of it. Throws what fn and the observer throw, DeviceError where fn returns a
 * promise.
 */
export function observe<R>(device: Device, observer: Observer, fn: () => R): { result: R; settled: Promise<void> } {
  assertDevice("observe", device);
  const verdicts: Promise<void>[] = [];
  const detach = device.attach(observer, (verdict) => void verdicts.push(verdict));
  let result: R;
  try {
    result = fn();
  } finally {
    detach();
  }
  if (typeof (result as { then?: unknown } | undefined)?.then === "function") {
    Promise.resolve(result).catch(() => undefined); // this error is the one to report, not what becomes of the promise
    throw new DeviceError("observe: the function returned a promise; what is observed is synchronous", [
      "observe its synchronous parts, or attach the observer to the device",
    ]);
  }
  const settled = firstFailure(verdicts);
  settled.catch(() => undefined); // whoever awaits it hears of it; nobody has to
  return { result, settled };
}

async function firstFailure(verdicts: readonly Promise<void>[]): Promise<void> {
  for (const verdict of await Promise.allSettled(verdicts)) if (verdict.status === "rejected") throw verdict.reason;
}

/** One list of all operands, with the names of those in lists numbered: p[0], p[1], ... */
export function eachTensor(operands: TensorsByName): [name: string, tensor: Tensor][] {
  return Object.entries(operands).flatMap(([name, operand]): [string, Tensor][] =>
    (Array.isArray(operand) ? (operand as readonly Tensor[]).map((t, i) => [`${name}[${i}]`, t]) : [[name, operand as Tensor]]));
}
