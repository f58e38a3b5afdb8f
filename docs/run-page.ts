/**
 * Runs the TypeScript of a Markdown page, so that what the page says can be checked:
 *  - the ```ts blocks of a page are one program, in order;
 *  - what a block prints must stand in a ```text block right after it, to the letter; without one it prints nothing;
 *  - a picture that a block writes, writeFileSync("name.svg", ...), is the one the page shows.
 * Other fences (sh, math, ts no-run) are not run.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { fencesOf, picturesOf } from "./markdown.js";

const root = fileURLToPath(new URL("..", import.meta.url));

/** One ```ts block: where it stands, and the ```text that must be its output. */
export interface PageBlock { line: number; expected: string }

export interface Page {
  /** The page as a program with the page's own line numbers: all that is not code is empty lines. */
  program: string;
  blocks: PageBlock[];
  /** Names of the pictures that the page shows. */
  pictures: string[];
}

/** Printed by the program where a block ends. */
const END_OF_BLOCK = "--- end of block ---";

/** Takes a page apart. Throws Error for a ```text block that follows no ```ts block, and for a block that is not closed. */
export function readPage(markdown: string): Page {
  const program = markdown.split("\n").map(() => ""), blocks: PageBlock[] = [];
  for (const { info, text, line, end, after } of fencesOf(markdown)) {
    if (info === "text") {
      if (after?.info !== "ts") throw new Error(`line ${line}: output without a program before it`);
      blocks[blocks.length - 1].expected = text;
    }
    if (info !== "ts") continue;
    blocks.push({ line, expected: "" });
    text.split("\n").forEach((code, i) => { program[line + i] = code; });
    program[end - 1] = `console.log(${JSON.stringify(END_OF_BLOCK)});`;
  }
  return { program: program.join("\n"), blocks, pictures: picturesOf(markdown).filter((path) => /\.(png|svg)$/.test(path)) };
}

/**
 * Runs a page's program with `folder` as the working directory and gives what each block printed.
 * Rejects with the program's own error, whose line numbers are those of the page.
 */
export async function runPage(page: Page, name: string, folder: string): Promise<string[]> {
  const parent = join(root, "node_modules", ".docs-pages"); // inside the repository, where the packages resolve
  mkdirSync(parent, { recursive: true });
  const home = mkdtempSync(join(parent, "run-"));
  const file = join(home, `${basename(name, ".md")}.mts`);
  writeFileSync(file, page.program);
  const printed: string[] = [];
  const { log } = console;
  const before = process.cwd();
  console.log = (...values: unknown[]) => void printed.push(values.map(String).join(" "));
  process.chdir(folder);
  try {
    await import(pathToFileURL(file).href);
  } finally {
    process.chdir(before);
    console.log = log;
    rmSync(home, { recursive: true, force: true });
  }
  const outputs: string[] = [];
  let lines: string[] = [];
  for (const text of printed) {
    if (text !== END_OF_BLOCK) lines.push(text);
    else {
      outputs.push(lines.join("\n"));
      lines = [];
    }
  }
  return outputs;
}

/** The page at a path below the repository's root, such as "docs/book/10-sampling.md". */
export function openPage(path: string): Page {
  return readPage(readFileSync(join(root, path), "utf8"));
}

/** Writes what the blocks print into the page in place of its ```text blocks: for authors, who then read what they find. */
export function withOutputs(markdown: string, outputs: readonly string[]): string {
  const lines = markdown.split("\n"), fences = fencesOf(markdown);
  const programs = fences.filter(({ info }) => info === "ts");
  for (const [i, program] of [...programs.entries()].reverse()) {                         // from the end, so that lines above keep their numbers
    const old = fences.find(({ info, after }) => info === "text" && after === program);
    const output = outputs[i] === "" ? [] : ["```text", ...outputs[i].split("\n"), "```"];
    lines.splice(program.end, old === undefined ? 0 : old.end - program.end, ...output);
  }
  return lines.join("\n");
}
