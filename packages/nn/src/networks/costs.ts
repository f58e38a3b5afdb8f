/** What the layers of a network cost. */
import { eachTensor, flopsOf, observe, openDryDevice, sizeOf, zeros, type Shape } from "@fromnoise/tensor";
import { tapLayers } from "../layers/tap.js";
import type { Network } from "./network.js";

/** What a layer costs in one forward pass. A block has a cost of its own where it computes something itself. */
export interface LayerCost {
  /** The layer's name; "" for what the network computes outside of its layers. */
  layer: string;
  /** Shape of what it gave last; undefined where it gives nothing by itself. */
  output: Shape | undefined;
  parameters: number;
  /** Kernels started. */
  kernels: number;
  /** Multiply-adds of convolutions, linear layers and attention: half the floating-point operations. */
  macs: number;
  /** Bytes that its kernels write in f32. */
  bytes: number;
}

/** Of what samples the costs are. */
export interface CostOptions {
  /** Shape of one sample: [28, 28, 1]. */
  readonly sample: Shape;
  /** Samples in the pass; default 1. */
  readonly batch?: number;
}

/**
 * The cost of every layer, in the order in which they begin to compute. A copy of the network runs on a dry device, which computes
 * nothing, so that a large network costs no more than a small one. Throws what its `apply` throws for such samples.
 */
export function layerCosts(network: Network, { sample, batch = 1 }: CostOptions): LayerCost[] {
  const device = openDryDevice();
  const copy = network.create();
  for (const p of copy.parameters) p.tensor = zeros(p.shape, { device });
  const x = zeros([batch, ...sample], { device });
  const { classes, embedding } = network.spec;
  const times = new Array<number>(batch).fill(1);
  const given = {
    ...(classes === undefined ? {} : { labels: classes === Infinity ? times : new Array<number>(batch).fill(0) }),
    ...(embedding === undefined ? {} : { embedding: zeros([batch, embedding], { device }) }),
  };
  const costs = new Map<string, LayerCost>();
  const shapes = new Map<string, Shape>();
  const costOf = (layer: string): LayerCost => {
    const cost = costs.get(layer) ?? { layer, output: undefined, parameters: 0, kernels: 0, macs: 0, bytes: 0 };
    costs.set(layer, cost);
    return cost;
  };
  observe(device, {
    after({ layer, kernel, attrs, outputs }) {
      const cost = costOf(layer);
      cost.kernels++;
      cost.macs += flopsOf(kernel, attrs) / 2;
      for (const [, y] of eachTensor(outputs)) cost.bytes += 4 * y.size;
    },
  }, () => tapLayers(
    ({ name, kind, tensor }) => void (kind === "out" && shapes.set(name, tensor.shape)),
    () => device.scope(() => copy.apply(x, times, given)),
  ));
  for (const p of copy.parameters) costOf(p.name.slice(0, Math.max(0, p.name.lastIndexOf(".")))).parameters += sizeOf(p.shape);
  for (const cost of costs.values()) cost.output = shapes.get(cost.layer);
  return [...costs.values()];
}
