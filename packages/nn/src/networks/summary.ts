import { ConfigError, formatShape, type Shape } from "@fromnoise/tensor";
import { layerCosts, type LayerCost } from "./costs.js";
import { grouped, table } from "./format.js";
import type { Network } from "./network.js";

/** Of what samples the table is. */
export interface SummaryOptions {
  /** Shape of one sample, for a network that takes any size: [28, 28, 1]. */
  readonly sample?: Shape;
}

/**
 * A table of the network by layer: name, shape of its output for a batch of one, parameters, and multiply-adds of one forward pass,
 * from {@link layerCosts}. Blocks stand in it where they have multiply-adds themselves. Throws ConfigError where the network takes
 * any size and `sample` does not say which.
 */
export function summary(network: Network, { sample = sampleOf(network) }: SummaryOptions = {}): string {
  const shown = layerCosts(network, { sample }).filter(({ parameters, macs }) => parameters > 0 || macs > 0);
  const total = (pick: (cost: LayerCost) => number): string => grouped(shown.reduce((sum, cost) => sum + pick(cost), 0));
  return table([
    ["layer", "output", "parameters", "multiply-adds"],
    ...shown.map(({ layer, output, parameters, macs }) =>
      [layer === "" ? "(the network)" : layer, output === undefined ? "" : formatShape(output), grouped(parameters), grouped(macs)]),
    ["total", "", total(({ parameters }) => parameters), total(({ macs }) => macs)],
  ]).join("\n");
}

function sampleOf({ spec: { kind, sample } }: Network): Shape {
  const known = sample.filter((side) => side !== null);
  if (known.length === sample.length) return known;
  const sides = (any: unknown): string => `[${sample.map((side) => side ?? any).join(", ")}]`;
  throw new ConfigError(`summary: the network ${kind} takes samples of any size`, [
    `sample   ${sides("any")}`, `pass     summary(network, { sample: ${sides(32)} })`,
  ]);
}
