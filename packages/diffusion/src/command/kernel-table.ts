/** The list of kernels as `fromnoise inspect --kernels` prints it: what every device computes, in its own words. */
import {
  binaryOps, isFused, kernelDefinition, kernelNames, reduceOps, unaryOps, updatedBy, type KernelName,
} from "@fromnoise/tensor";

/** One kernel: its operands, of which a list is written x[], the inputs whose contents it replaces, and the numbers it takes. */
export interface KernelEntry {
  readonly name: KernelName;
  readonly fused: boolean;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly updated: readonly string[];
  readonly scalars: readonly string[];
  readonly equation: string;
}

/** Width of the terminal that the table fits, and of its columns: name, operands, scalars; the equation has what is left. */
const WIDTH = 132;
const COLUMNS = [22, 30, 20] as const;
const GAP = 2;

const LEGEND =
  "x[] is a list of tensors, and the contents of x! are replaced. A device without a fused kernel runs what its equation says.";

/** All kernels, in the order of the contract. */
export function kernelEntries(): KernelEntry[] {
  return kernelNames.map((name) => {
    const { equation, inputs, outputs, scalars } = kernelDefinition(name);
    const named = { inputs: operands(inputs), outputs: operands(outputs), updated: updatedBy(name) };
    return { name, fused: isFused(name), ...named, scalars, equation };
  });
}

function operands(named: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(named).map(([name, shape]) => (typeof shape === "function" ? name : `${name}[]`));
}

/** The table, at most 132 characters wide, and below it the operations of the kernels that have several. */
export function kernelTable(): string {
  const entries = kernelEntries();
  const head = row(["kernel", "inputs -> outputs", "scalars", "equation"]);
  const section = (title: string, fused: boolean): string[] => {
    const rows = entries.filter((entry) => entry.fused === fused);
    return [`${rows.length} ${title}`, ...head, ...rows.flatMap((entry) => row(cells(entry))), ""];
  };
  const operations = Object.entries({ unary: unaryOps, binary: binaryOps, reduce: reduceOps }).flatMap(([kernel, ops]) =>
    wrap(ops.join(", "), WIDTH - 10).map((line, i) => `  ${(i === 0 ? kernel : "").padEnd(8)}${line}`));
  return [
    ...section("required kernels", false), ...section("fused kernels", true), ...wrap(LEGEND, WIDTH), "", "operations", ...operations,
  ].join("\n");
}

function cells({ name, inputs, outputs, updated, scalars, equation }: KernelEntry): string[] {
  const marked = inputs.map((input) => (updated.includes(input.replace("[]", "")) ? `${input}!` : input));
  return [name, `${marked.join(", ")}${marked.length > 0 ? " " : ""}-> ${outputs.join(", ")}`, scalars.join(", "), equation];
}

/** One row, its cells wrapped to their columns. */
function row(texts: readonly string[]): string[] {
  const widths = [...COLUMNS, WIDTH - GAP - COLUMNS.reduce((sum, width) => sum + width + GAP, 0)];
  const columns = texts.map((text, i) => wrap(text, widths[i]));
  return Array.from({ length: Math.max(...columns.map((lines) => lines.length)) }, (_, line) =>
    `  ${columns.map((lines, i) => (lines[line] ?? "").padEnd(widths[i])).join("  ")}`.trimEnd());
}

/** The text in lines of at most `width` characters, broken at blanks. */
function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1];
    if (last === "") lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
