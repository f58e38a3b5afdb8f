/**
 * How a forward is run: the code of a network is written once, and the policy says what becomes of the tensors it leaves on the
 * way.
 */
import type { Device, Tensor } from "@fromnoise/tensor";

/** What becomes of the tensors of a forward: kept for a backward, or freed step by step. */
export interface Policy {
  /**
   * Runs a part of the forward and frees what it made, but for the result: y and the cache where caches are kept, else y alone, so
   * that the cache must not be looked into.
   */
  step<Y extends Tensor, C>(device: Device, part: () => [y: Y, cache: C]): [y: Y, cache: C];
  /** The forward reads these tensors no more: frees them unless caches are kept, which may hold them. */
  done(...tensors: readonly Tensor[]): void;
}

/** For training: everything that backward needs stays alive. */
export const keepCaches: Policy = {
  step: (device, part) => device.scope(part),
  done: () => undefined,
};

/** For inference: step by step, nothing stays alive but what is still to be read. */
export const freeSteps: Policy = {
  step<Y extends Tensor, C>(device: Device, part: () => [y: Y, cache: C]): [y: Y, cache: C] {
    // The one cast of a cache: there is none, and a forward that runs under this policy returns y alone to its caller.
    return [device.scope(() => part()[0]), undefined as C];
  },
  done(...tensors) {
    for (const t of tensors) t.dispose();
  },
};
