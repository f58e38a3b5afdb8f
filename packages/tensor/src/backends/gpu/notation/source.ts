/**
 * From the notation in which the kernels of this folder are written to the JavaScript that gpu.js translates.
 *
 *   x[row, col], x[index]   an element of an input, by the space in which the kernel sees it
 *   row, col or index       the place of the element that this run of the kernel computes and returns
 *   div(a, b)               floor(a / b) of whole numbers 0 <= a < 2^24 and b > 0; `/` is f32 division in every mode (`quotient`)
 *   exp(x), sqrt(x), ...    Math.exp(x), Math.sqrt(x), ...
 *   cin, kh, ...            sizes, whole numbers: arguments where the mode is dynamic, so that one kernel serves all of them; elsewhere
 *                           they are replaced by their values
 *   int at = ...; at += 2;  a whole number, an integer where the mode has them: addresses in loops are cheap and exact in it
 *   quad v = x[at];         the four numbers v.x, v.y, v.z, v.w of quad `at` of an input that is seen as quads (space.ts)
 *   x[at, k]                number k of quad `at`
 *   sum$, col$              a thread may compute several neighbouring columns at once (`lanes`). A line in which $ stands is
 *                           repeated for each of them: `sum$ += v * w[c, col$];` loads v once. `return [sum$];` returns them all.
 */
import { isLine, type Space } from "../engine/space.js";

export interface KernelSource {
  /** Names of the inputs, in the order of the arguments. */
  readonly inputs: readonly string[];
  /** Those of the inputs that are seen as quads. */
  readonly quads?: readonly string[];
  /** Names of the numbers that may change from call to call; they follow the inputs. */
  readonly scalars: readonly string[];
  /** Names of the sizes that are arguments; they follow the scalars. */
  readonly sizes: readonly string[];
  /** Sizes that are replaced by their values. */
  readonly constants: Readonly<Record<string, number>>;
  readonly output: Space;
  /** Numbers a thread computes: four, of a quad or of neighbouring columns, or one. */
  readonly lanes: number;
  readonly body: string;
}

/** How a mode indexes: textures are [cols, 1, rows], which makes their size on the GPU depend on the number of elements alone. */
export type Indexing = "linear" | "texture";

const MATH = /^(abs|cos|exp|floor|log|max|min|pow|sign|sin|sqrt)$/;

/** JavaScript of a kernel, as gpu.js takes it. */
export function javascript({ inputs, quads = [], scalars, sizes, constants, output, lanes, body }: KernelSource, indexing: Indexing): string {
  const place = isLine(output)
    ? ""
    : `  int row = this.thread.${indexing === "texture" ? "z" : "y"};\n  int col = this.thread.x;\n`;
  const wholes = sizes.map((name) => `  int ${name} = ${argumentOf(name)};\n`).join("");
  const head = declareIntegers(place + wholes, indexing);
  const lines = repeatLanes(body, lanes);
  checkNames(lines, [...inputs, ...scalars, ...sizes, ...Object.keys(constants), "row", "col", "index"]);
  const declared = declareIntegers(declareQuads(lines, indexing), indexing);
  const named = declared.replace(/[A-Za-z_]\w*/g, (name) => (Object.hasOwn(constants, name) ? `${constants[name]}` : name));
  // `index` is written out everywhere: as a variable it would be an f32, which is exact only up to 2^24
  const placed = isLine(output) ? named.replace(/\bindex\b/g, "this.thread.x") : named;
  return `function (${[...inputs, ...scalars, ...sizes.map(argumentOf)].join(", ")}) {\n${head}${expand(placed, inputs, quads, indexing)}\n}`;
}

/**
 * Throws where a body declares a variable under a name that is taken: under that of a size it would be a second variable in one mode
 * and a number in another.
 */
function checkNames(body: string, taken: readonly string[]): void {
  for (const [, name] of body.matchAll(/\b(?:int|quad|let|const) (\w+) = /g)) {
    if (!taken.includes(name)) continue;
    throw new Error(`kernel source: the variable ${name} has the name of an input, a scalar, a size or a place\n${body}`);
  }
}

/** The argument, an f32, of which a kernel makes a size. */
const argumentOf = (size: string): string => `${size}Size`;

/** gpu.js makes an integer of a variable that starts as a whole number and is counted up; textures are addressed by f32. */
function declareIntegers(text: string, indexing: Indexing): string {
  const begin = indexing === "texture" ? "let $1 = " : "let $1 = 0; $1++; $1 = ";
  return text.replace(/\bint (\w+) = /g, begin);
}

/** A texture gives a quad at once; elsewhere only those of its numbers are loaded that are used. */
function declareQuads(text: string, indexing: Indexing): string {
  const names: string[] = [];
  const declared = text.replace(/\bquad (\w+) = (\w+)\[(.*)\];/g, (_, name: string, x: string, at: string) => {
    names.push(name);
    if (indexing === "texture") return `const ${name} = ${x}[${at}];`;
    const used = [..."xyzw"].filter((part) => new RegExp(`\\b${name}\\.${part}\\b`).test(text));
    return used.map((part) => `const ${name}_${part} = ${x}[${at}, ${"xyzw".indexOf(part)}];`).join(" ");
  });
  return declared.replace(/\b(\w+)\.([xyzw])\b/g, (part, name: string, letter: string) => {
    if (!names.includes(name)) return part;
    return indexing === "texture" ? `${name}[${"xyzw".indexOf(letter)}]` : `${name}_${letter}`;
  });
}

/** One line for each lane in place of every line with a $; the columns of a thread stand side by side. */
function repeatLanes(body: string, lanes: number): string {
  const lane = (text: string, k: number): string =>
    text.replaceAll("col$", lanes === 1 ? "col" : `(col * ${lanes} + ${k})`).replaceAll("$", `${k}`);
  const each = (text: string): string[] => Array.from({ length: lanes }, (_, k) => lane(text, k));
  return body.split("\n").flatMap((line) => {
    if (!line.includes("$")) return [line];
    const returned = /^(\s*return )\[(.*)\];$/.exec(line);
    if (returned === null) return each(line);
    const values = each(returned[2]);
    return [`${returned[1]}${lanes === 1 ? values[0] : `[${values.join(", ")}]`};`];
  }).join("\n");
}

/** Replaces x[...] of the inputs, div(...) and bare Math functions, from the outside in. */
function expand(text: string, inputs: readonly string[], quads: readonly string[], indexing: Indexing): string {
  let out = "";
  for (let at = 0; at < text.length;) {
    const name = /^[A-Za-z_]\w*/.exec(text.slice(at))?.[0];
    if (name === undefined) {
      out += text[at++];
      continue;
    }
    at += name.length;
    const opener = text[at];
    const isInput = inputs.includes(name) && opener === "[";
    const isDivision = name === "div" && opener === "(";
    if (!isInput && !isDivision) {
      out += MATH.test(name) && opener === "(" ? `Math.${name}` : name;
      continue;
    }
    const [parts, end] = operands(text, at);
    const values = parts.map((part) => expand(part, inputs, quads, indexing));
    if (isDivision) out += quotient(values);
    else out += quads.includes(name) ? quadElement(name, values, indexing) : `${name}${element(values, indexing)}`;
    at = end;
  }
  return out;
}

/**
 * floor(a / b). A GPU's division may err in its last places, so the first quotient may be one too many or too few; then the remainder,
 * which is small and exact, is below 0 or at least b, and divided in its turn it says so. The half keeps that clear of whole numbers.
 */
function quotient([a, b]: readonly string[]): string {
  const first = `Math.floor((${a}) / (${b}))`;
  return `(${first} + Math.floor((${a} - ${first} * (${b}) + 0.5) / (${b})))`;
}

/** A quad of a texture, or one number of a quad. */
function quadElement(name: string, [at, k]: readonly string[], indexing: Indexing): string {
  if (indexing === "linear") return `${name}[4 * (${at}) + ${k}]`;
  return k === undefined ? `${name}[0][0][${at}]` : `component(${name}[0][0][${at}], ${k})`;
}

function element(indices: readonly string[], indexing: Indexing): string {
  if (indices.length === 1) return indexing === "texture" ? `[0][0][${indices[0]}]` : `[${indices[0]}]`;
  const [row, col] = indices;
  return indexing === "texture" ? `[${row}][0][${col}]` : `[${row}][${col}]`;
}

/** What stands between the bracket at `start` and its partner, split at the commas of that level, and where the text goes on. */
function operands(text: string, start: number): [parts: string[], end: number] {
  const parts = [""];
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const c = text[at];
    if ("([".includes(c) && depth++ === 0) continue;
    if (")]".includes(c) && --depth === 0) return [parts.map((part) => part.trim()), at + 1];
    if (c === "," && depth === 1) parts.push("");
    else parts[parts.length - 1] += c;
  }
  throw new Error(`kernel source: a bracket is not closed\n${text}`);
}
