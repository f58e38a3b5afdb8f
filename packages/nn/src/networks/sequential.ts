import { inspectSymbol, type Tensor } from "@fromnoise/tensor";
import { backwardAt, forwardAt } from "../layers/enter.js";
import type { Layer } from "../layers/layer.js";
import type { Grads } from "../parameters/grads.js";
import type { Parameter } from "../parameters/parameter.js";
import { formatModule } from "./format.js";
import { keepCaches, type Policy } from "./policy.js";

/**
 * Layers one after another: y = layer_n(... layer_1(x)). The layers bring their own names ("body.0", "body.1", as PyTorch would
 * give them); the cache is a list of theirs, in order.
 */
export class Sequential<C = unknown> implements Layer<readonly C[]> {
  readonly parameters: readonly Parameter[];

  constructor(readonly name: string, readonly layers: readonly Layer<C>[]) {
    this.parameters = layers.flatMap((layer) => layer.parameters);
  }

  forward(x: Tensor, policy: Policy = keepCaches): [y: Tensor, caches: readonly C[]] {
    const { device } = x;
    return policy.step(device, () => forwardAt(this, { x }, () => {
      let h = x;
      const caches = this.layers.map((layer) => {
        const [y, cache] = policy.step(device, () => layer.forward(h));
        if (h !== x && h !== y) policy.done(h);
        h = y;
        return cache;
      });
      return [h, caches];
    }));
  }

  backward(dy: Tensor, caches: readonly C[], grads: Grads): Tensor {
    const back = (dh: Tensor, layer: Layer<C>, i: number): Tensor => layer.backward(dh, caches[i], grads);
    return backwardAt(this, dy, caches, grads, () => this.layers.reduceRight(back, dy));
  }

  /** What console.log shows. */
  [inspectSymbol](): string {
    return formatModule("Sequential", this);
  }
}
