/** What a network's layers cost, as `inspect` shows it. */
import { sizeOf } from "@fromnoise/tensor";
import { describe, layerCosts, parameterCount, type LayerCost, type Network } from "@fromnoise/nn";
import { grouped, printTable } from "./text-table.js";

/** A row of the table, and an entry of `layers` in the JSON. */
type Cost = Omit<LayerCost, "output">;

export interface NetworkCosts {
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly batch: number;
  /** Sides of the images, none for points. */
  readonly size: readonly number[];
  readonly layers: readonly Cost[];
  readonly total: Omit<Cost, "layer"> & { readonly weightMacs: number };
}

/** The costs of one forward pass; `side` where the network takes any size. */
export function networkCosts(network: Network, { batch, side }: { readonly batch: number; readonly side: number | undefined }): NetworkCosts {
  const { sample } = network.spec;
  const channels = sample.at(-1)!;
  const size = sample.slice(0, -1).map((own) => side ?? own ?? 32);
  const layers = layerCosts(network, { sample: [...size, channels], batch })
    .map(({ output: _, ...cost }) => ({ ...cost, layer: cost.layer === "" ? "(between layers)" : cost.layer }));
  const sum = (pick: (layer: Cost) => number): number => layers.reduce((total, layer) => total + pick(layer), 0);
  const total = {
    parameters: parameterCount(network), kernels: sum((l) => l.kernels), macs: sum((l) => l.macs), bytes: sum((l) => l.bytes),
    weightMacs: sum((l) => (l.parameters > 0 ? l.macs : 0)),
  };
  return { parameters: describe(network), batch, size, layers, total };
}

/** "1 image of 28x28". */
export function whatPasses({ spec: { sample } }: Network, { batch, size }: NetworkCosts): string {
  const s = batch === 1 ? "" : "s";
  return size.length === 0 ? `${batch} point${s} of ${sample.at(-1)!}` : `${batch} image${s} of ${size.join("x")}`;
}

/** Every tensor, and what each layer costs. */
export function printCosts(network: Network, costs: NetworkCosts): void {
  const { parameters, layers, total } = costs;
  printTable(
    ["name", "shape", "values"], parameters.map(({ name, shape }) => [name, `[${shape.join(", ")}]`, grouped(sizeOf(shape))]),
  );
  console.log(`\none forward pass of ${whatPasses(network, costs)}`);
  const row = ({ layer, parameters: count, kernels, macs, bytes }: Cost): string[] =>
    [layer, grouped(count), String(kernels), (macs / 1e6).toFixed(3), (bytes / 1024).toFixed(1)];
  printTable(["layer", "parameters", "kernels", "MMAC", "KiB"], [...layers, { layer: "total", ...total }].map(row));
  const [withWeights, others] = [total.weightMacs, total.macs - total.weightMacs].map((macs) => grouped(Math.round(macs / 1e6)));
  console.log(`\n${withWeights} MMAC with weights (convolutions, linear layers), ${others} among activations (attention)`);
}
