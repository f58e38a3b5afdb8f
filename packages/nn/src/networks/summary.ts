import { ConfigError, flopsOf, formatShape, observe, openDryDevice, sizeOf, zeros, type Shape } from "@fromnoise/tensor";
import { tapLayers } from "../layers/tap.js";
import { grouped, table } from "./format.js";
import type { Network } from "./network.js";

export interface SummaryOptions {
  /** Shape of one sample, for a network that takes any size: [28, 28, 1]. */
  readonly sample?: Shape;
}

/** What a layer is, and what it costs for one sample. Blocks stand in the table where they compute something themselves. */
interface Row { shape: Shape | undefined; parameters: number; macs: number }

/**
 * A table of the network by layer: name, shape of its output for a batch of one, parameters, and multiply-adds of one forward pass.
 * It runs on a dry device, so that a large network costs no more than a small one. Throws ConfigError where the network takes any
 * size and `sample` does not say which.
 */
export function summary(network: Network, { sample }: SummaryOptions = {}): string {
  const rows = rowsOf(network, sample ?? sampleOf(network));
  const shown = [...rows].filter(([, { parameters, macs }]) => parameters > 0 || macs > 0);
  const total = (pick: (row: Row) => number): number => shown.reduce((sum, [, row]) => sum + pick(row), 0);
  return table([
    ["layer", "output", "parameters", "multiply-adds"],
    ...shown.map(([name, { shape, parameters, macs }]) =>
      [name === "" ? "(the network)" : name, shape === undefined ? "" : formatShape(shape), grouped(parameters), grouped(macs)]),
    ["total", "", grouped(total((row) => row.parameters)), grouped(total((row) => row.macs))],
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

/** Runs a copy of the network, one sample, on a device that computes nothing. */
function rowsOf(network: Network, sample: Shape): Map<string, Row> {
  const device = openDryDevice();
  const copy = network.create();
  for (const p of copy.parameters) p.tensor = zeros(p.shape, { device });
  const x = zeros([1, ...sample], { device });
  const rows = new Map<string, Row>();
  const rowOf = (name: string): Row => {
    const row = rows.get(name) ?? { shape: undefined, parameters: 0, macs: 0 };
    rows.set(name, row);
    return row;
  };
  observe(device, { after: ({ layer, kernel, attrs }) => void (rowOf(layer).macs += flopsOf(kernel, attrs) / 2) }, () => {
    tapLayers(({ name, kind, tensor }) => {
      const row = rowOf(name);
      if (kind === "out") row.shape = tensor.shape;
    }, () => copy.apply(x, [0], network.spec.classes === undefined ? {} : { labels: [0] }));
  });
  for (const p of copy.parameters) rowOf(p.name.slice(0, Math.max(0, p.name.lastIndexOf(".")))).parameters += sizeOf(p.shape);
  return rows;
}
