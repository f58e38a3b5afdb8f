/** Tensors as text, in NumPy's notation. */
import { assertTensor } from "../../core/expect-tensor.js";
import { stridesOf } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { formatNumbers } from "../shared/format-numbers.js";

/** How many values are shown, and with how many digits. */
export interface FormatOptions {
  /** Most digits after the point; 8 unless set. */
  precision?: number;
  /** A tensor of more elements is summarised: 1000 unless set. */
  threshold?: number;
  /** Elements left at each end of an axis by a summary; 3 unless set. */
  edgeItems?: number;
  /** Characters after which a row is continued on the next line; 75 unless set. */
  lineWidth?: number;
}

const GAP = -1;

/**
 * The values of x as NumPy prints them: "[[1.  2.5]\n [3.  4. ]]". All numbers get one notation: scientific when the largest
 * magnitude is 1e8 or more, the smallest below 1e-4, or their ratio above 1000. A large tensor is summarised with "...".
 */
export async function format(x: Tensor, options: FormatOptions = {}): Promise<string> {
  assertTensor("format", "x", x);
  const { precision = 8, threshold = 1000, edgeItems = 3, lineWidth = 75 } = options;
  if (x.size === 0) return "[]";
  const values = await x.data();
  const strides = stridesOf(x.shape);
  const shown = x.shape.map((side) => positions(side, x.size > threshold ? edgeItems : side));

  const visible = shown.reduce<number[]>(
    (offsets, list, axis) => offsets.flatMap((at) => list.filter((i) => i !== GAP).map((i) => at + i * strides[axis])), [0],
  );
  const words = new Map<number, string>();
  formatNumbers(visible.map((at) => values[at]), x.dtype, precision).forEach((word, i) => words.set(visible[i], word));

  const print = (axis: number, at: number): string => {
    if (axis === x.rank) return words.get(at)!;
    const parts = shown[axis].map((i) => (i === GAP ? "..." : print(axis + 1, at + i * strides[axis])));
    const indent = " ".repeat(axis + 1);
    if (axis === x.rank - 1) return `[${wrap(parts, indent, lineWidth - x.rank)}]`;
    return `[${parts.join("\n".repeat(x.rank - 1 - axis) + indent)}]`;
  };
  return print(0, 0);
}

/** 0 .. side - 1, with a gap in the middle when it leaves out anything. */
function positions(side: number, edge: number): number[] {
  const all = Array.from({ length: side }, (_, i) => i);
  return side <= 2 * edge ? all : [...all.slice(0, edge), GAP, ...all.slice(side - edge)];
}

/** Words on lines of at most `width` characters; the first line starts behind its bracket. */
function wrap(words: readonly string[], indent: string, width: number): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of words) {
    if (line.length > indent.length && line.length + word.length > width) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.slice(0, -1)].join("\n").slice(indent.length);
}
