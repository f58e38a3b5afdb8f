/** Modules and networks in words: what console.log shows. */
import { sizeOf } from "@fromnoise/tensor";
import { parameterCount, type Module } from "../parameters/module.js";
import type { Network } from "./network.js";

/** "unet, 1,234 parameters, x [N, 28, 28, 1] -> [N, 28, 28, 1]", and a line for each part of the network. */
export function formatNetwork(network: Network): string {
  const { kind, sample, outputs, classes, nullClass } = network.spec;
  const sides = sample.map((side) => side ?? "any");
  const shapes = `x [N, ${sides.join(", ")}] -> [N, ${[...sides.slice(0, -1), outputs].join(", ")}]`;
  const labels = `${classes} classes${nullClass === undefined ? "" : " and none"}`;
  return formatModule(kind, network, [shapes, ...(classes === undefined ? [] : [labels])]);
}

/** The title, the number of parameters, whatever else is to be said, and a line for each part: its name and its parameters. */
export function formatModule(title: string, module: Module, more: readonly string[] = []): string {
  const counts = new Map<string, number>();
  for (const p of module.parameters) {
    const part = partOf(module.name === "" ? p.name : p.name.slice(module.name.length + 1));
    counts.set(part, (counts.get(part) ?? 0) + sizeOf(p.shape));
  }
  const head = [title, `${grouped(parameterCount(module))} parameters`, ...more].join(", ");
  return [head, ...table([...counts].map(([part, count]) => [part, grouped(count)])).map((line) => `  ${line}`)].join("\n");
}

/** "conv_in.weight" gives "conv_in", "down_blocks.0.resnets.0.conv1.weight" gives "down_blocks.0". */
function partOf(name: string): string {
  return /^[^.]+(\.\d+)?(?=\.)/.exec(name)?.[0] ?? name;
}

/** Lines of a table, its first column to the left and the others to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, i) => Math.max(all[i] ?? 0, cell.length)), []);
  const cellOf = (cell: string, i: number): string => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]));
  return rows.map((row) => row.map(cellOf).join("  ").trimEnd());
}

/** 35746307 gives "35,746,307". */
export function grouped(n: number): string {
  return n.toLocaleString("en-US");
}
