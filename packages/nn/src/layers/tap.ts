/** Taps: every activation and gradient of a computation under the name of the layer it belongs to. */
import { DeviceError, eachTensor, type Tensor, type TensorsByName } from "@fromnoise/tensor";

/** A tensor on its way into or out of a layer. Valid during the call: `device.keep(clone(tensor))` keeps its values. */
export interface LayerTap {
  /** The layer's name in state dicts; "" for a whole network. */
  readonly name: string;
  /** Counts the forwards of the layers of this name since the tap began, from 0. A backward has the number of its forward. */
  readonly call: number;
  /** Input and output of a forward; gradient of an output, which a backward is given, and of an input, which it gives. */
  readonly kind: "in" | "out" | "dout" | "din";
  /** The operand: "x", "temb", "y", "dy", "dx"; numbered where it is one of a list: "y[0]". */
  readonly operand: string;
  readonly tensor: Tensor;
}

/** The forwards of one name: how many, and which of them made a cache. */
interface Forwards { count: number; readonly of: WeakMap<object, number> }

interface Tapping {
  readonly visit: (tap: LayerTap) => void;
  readonly forwards: Map<string, Forwards>;
  /** The layer in whose forward or backward the program stands: what it computes by a layer of the same name is its own affair. */
  inside: string | undefined;
}

let tapping: Tapping | undefined;

/**
 * Runs fn, which must be synchronous, and hands `visit` what goes into and comes out of every layer and block, forward and
 * backward, on any device. What layers compute inside of `visit` is not tapped. Returns what fn returns; throws what fn and `visit`
 * throw, and DeviceError where fn returns a promise.
 */
export function tapLayers<R>(visit: (tap: LayerTap) => void, fn: () => R): R {
  const outside = tapping;
  tapping = { visit, forwards: new Map(), inside: undefined };
  let result: R;
  try {
    result = fn();
  } finally {
    tapping = outside;
  }
  if (typeof (result as { then?: unknown } | undefined)?.then !== "function") return result;
  Promise.resolve(result).catch(() => undefined); // this error is the one to report, not what becomes of the promise
  throw new DeviceError("tapLayers: the function returned a promise; what is tapped is synchronous", ["read values after it"]);
}

/** @internal Whether anybody listens: without, layers do nothing for taps. */
export function isTapped(): boolean {
  return tapping !== undefined;
}

/** @internal Shows what goes into a layer and, once fn has run, what comes out of it. */
export function tapForward<R extends readonly [y: Tensor | readonly Tensor[], cache: unknown]>(
  name: string, inputs: TensorsByName, fn: () => R,
): R {
  return inside(name, fn, ({ forwards }) => {
    const known = forwards.get(name) ?? { count: 0, of: new WeakMap() };
    forwards.set(name, known);
    const call = known.count++;
    show(name, call, "in", inputs);
    const result = fn();
    const [y, cache] = result;
    if (typeof cache === "object" && cache !== null) known.of.set(cache, call);
    show(name, call, "out", { y });
    return result;
  });
}

/** @internal The same of a backward: `gradients` are those of the outputs, fn gives those of the inputs. */
export function tapBackward<R>(
  name: string, gradients: TensorsByName, cache: object, fn: () => R, named: (result: R) => TensorsByName,
): R {
  return inside(name, fn, ({ forwards }) => {
    const call = forwards.get(name)?.of.get(cache) ?? 0; // 0 where the forward ran before the tap
    show(name, call, "dout", gradients);
    const result = fn();
    show(name, call, "din", named(result));
    return result;
  });
}

/** Runs `tapped` as the layer `name`; inside of that very layer, plain fn. */
function inside<R>(name: string, fn: () => R, tapped: (current: Tapping) => R): R {
  const current = tapping!;
  if (current.inside === name) return fn();
  const outside = current.inside;
  current.inside = name;
  try {
    return tapped(current);
  } finally {
    current.inside = outside;
  }
}

function show(name: string, call: number, kind: LayerTap["kind"], tensors: TensorsByName): void {
  const listening = tapping!;
  tapping = undefined;
  try {
    for (const [operand, tensor] of eachTensor(tensors)) listening.visit({ name, call, kind, operand, tensor });
  } finally {
    tapping = listening;
  }
}
