import { spawnSync } from "node:child_process";
import { mkdtempSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import ts from "typescript";
import { anchorsOf, fencesOf, linksOf, picturesOf } from "../docs/markdown.js";
import { openPage, readPage, runPage, withOutputs } from "../docs/run-page.js";
import { commands } from "../packages/diffusion/src/command/main.js";
import { parseCommandLine } from "../packages/diffusion/src/command/parse.js";
import { readImage } from "../packages/diffusion/src/image/node/index.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const markdownIn = (folder: string): string[] =>
  readdirSync(join(root, folder)).filter((name) => name.endsWith(".md")).sort().map((name) => join(folder, name));
const pages = ["README.md", "CONTRIBUTING.md", ...["tensor", "nn", "diffusion"].map((name) => `packages/${name}/README.md`), ...["docs", "docs/book", "docs/library", "docs/ops"].flatMap(markdownIn)];
const read = (page: string): string => readFileSync(join(root, page), "utf8");

/** Of charts: 1 where they differ in more than numbers, or in a number by more than half a pixel, else 0. */
function chartDifference(a: string, b: string): number {
  const parts = (path: string): { text: string; numbers: number[] } => {
    const svg = readFileSync(path, "utf8"), number = /(?<![\w#])-?\d+(\.\d+)?/g;
    return { text: svg.replaceAll(number, "0"), numbers: (svg.match(number) ?? []).map(Number) };
  };
  const [left, right] = [parts(a), parts(b)];
  return left.text === right.text && left.numbers.every((v, i) => Math.abs(v - right.numbers[i]) <= 0.5) ? 0 : 1;
}

/** Of pictures: the share of pixels that differ by more than 4 of 255 levels, 1 when the sizes differ. */
function difference(a: string, b: string): number {
  if (a.endsWith(".svg")) return chartDifference(a, b);
  const [left, right] = [readImage(a), readImage(b)];
  if (left.width !== right.width || left.height !== right.height || left.data.length !== right.data.length) return 1;
  return left.data.filter((v, i) => Math.abs(v - right.data[i]) > 4 / 255).length / left.data.length;
}

/** What the compiler says of the pages' programs under the rules that the sources obey, as "page:line message". */
function typeErrors(names: readonly string[]): string[] {
  const programs = new Map(names.map((page) => [join(root, page.replace(/\.md$/, ".mts")), { page, text: `${openPage(page).program}\nexport {};` }]));
  const { options } = ts.getParsedCommandLineOfConfigFile(join(root, "tsconfig.check.json"), {}, {
    ...ts.sys, onUnRecoverableConfigFileDiagnostic: ({ messageText }) => { throw new Error(String(messageText)); },
  })!;
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (file) => programs.has(file) || fileExists(file);
  host.getSourceFile = (file, languageVersion) => {
    const program = programs.get(file);
    return program === undefined ? getSourceFile(file, languageVersion) : ts.createSourceFile(file, program.text, languageVersion);
  };
  const compiler = ts.createProgram([...programs.keys()], options, host);
  return [...programs].flatMap(([file, { page }]) => {
    const source = compiler.getSourceFile(file)!;
    return [...compiler.getSyntacticDiagnostics(source), ...compiler.getSemanticDiagnostics(source)].map(({ start, messageText }) =>
      `${page}:${source.getLineAndCharacterOfPosition(start ?? 0).line + 1} ${ts.flattenDiagnosticMessageText(messageText, "\n")}`);
  });
}

describe("the documentation", () => {
  for (const page of pages.filter((name) => openPage(name).blocks.length > 0)) {
    it(`${page} prints what it says and draws what it shows`, async () => {
      const { blocks, pictures, program } = openPage(page);
      const folder = mkdtempSync(join(tmpdir(), "fromnoise-docs-"));
      try {
        const outputs = await runPage({ blocks, pictures, program }, page, folder);
        outputs.forEach((output, i) => expect(output, `block at line ${blocks[i].line} of ${page}`).to.equal(blocks[i].expected));
        expect(outputs.length, "blocks that ran to their end").to.equal(blocks.length);
        const drawn = readdirSync(folder).filter((name) => /\.(png|svg)$/.test(name));
        if (page.includes("docs/book/")) expect(drawn.length, "pictures drawn").to.equal(pictures.length);
        for (const name of drawn) {
          const shown = pictures.find((path) => path.endsWith(`/${name}`));
          expect(shown, `${name} is written but not shown`).to.be.a("string");
          expect(difference(join(folder, name), join(root, dirname(page), shown!)), name).to.be.below(0.005);
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  it("shows a program of numpy that reads what ours wrote", async function () {
    const page = "docs/library/elsewhere.md", { text: printed, after } = fencesOf(read(page)).find((fence) => fence.after?.info === "python")!;
    if (spawnSync("python3", ["-c", "import numpy"]).status !== 0) {
      if (/\bnumpy\b/.test(process.env["REQUIRE"] ?? "")) throw new Error("python3 with numpy is not there");
      console.log(`      not run: python3 with numpy is not there (apt-get install -y python3-numpy)`);
      this.skip();
    }
    const folder = mkdtempSync(join(tmpdir(), "fromnoise-docs-"));
    try {
      await runPage(openPage(page), page, folder);
      const { stdout, stderr } = spawnSync("python3", ["-c", after!.text], { cwd: folder, encoding: "utf8" });
      expect([stdout.trimEnd(), stderr]).to.deep.equal([printed, ""]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("has programs that the compiler accepts", function () {
    this.timeout(120_000);
    expect(typeErrors(pages.filter((page) => openPage(page).blocks.length > 0))).to.deep.equal([]);
  });

  it("links only to files and headings that exist", () => {
    const dead = pages.flatMap((page) => linksOf(read(page)).filter((link) => !/^(https?|mailto):/.test(link)).flatMap((link) => {
      const [path, anchor] = link.split("#"), file = path === "" ? join(root, page) : resolve(root, dirname(page), path);
      if (!existsSync(file)) return [`${page}: ${link}`];
      const found = anchor === undefined || !file.endsWith(".md") || anchorsOf(readFileSync(file, "utf8")).includes(anchor);
      return found ? [] : [`${page}: ${link}, a heading that is not there`];
    }));
    expect(dead).to.deep.equal([]);
  });

  it("is reachable from the README", () => {
    const seen = new Set<string>(["README.md"]);
    for (const page of seen) {
      if (!existsSync(join(root, page))) continue;
      for (const link of linksOf(read(page))) {
        const [path] = link.split("#");
        if (!/^https?:/.test(path) && path.endsWith(".md")) seen.add(relative(root, resolve(root, dirname(page), path)));
      }
    }
    expect(pages.filter((page) => !seen.has(page))).to.deep.equal([]);
  });

  it("gives every command line flags that exist", () => {
    let lines = 0;
    for (const page of pages) {
      for (const { text } of fencesOf(read(page)).filter(({ info }) => info === "sh")) {
        for (const line of text.replaceAll("\\\n", " ").split("\n")) {
          const words = line.replace(/#.*/, "").trim().split(/\s+/);
          const at = words.indexOf("fromnoise");
          if (at < 0) continue;
          expect(parseCommandLine(commands, words.slice(at + 1), ""), line).to.have.property("command");
          lines++;
        }
      }
    }
    expect(lines).to.be.above(8);
  });

  it("shows every command in the README", () => {
    for (const { name } of commands.filter((command) => command.name !== "demo")) expect(read("README.md")).to.contain(`fromnoise ${name} `);
  });

  it("derives every operation that has a backward, with a link to its file", () => {
    const folder = "packages/tensor/src/ops";
    const derived = markdownIn("docs/ops").map(read).join("\n");
    const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    const withBackward = files.filter((name) => /\bbackward\(/.test(read(join(folder, name)).replaceAll(/^ *(\*|\/\/).*$/gm, "")));
    expect(withBackward.length).to.be.above(15);
    expect(withBackward.filter((name) => !derived.includes(`(../../${folder}/${name})`))).to.deep.equal([]);
  });
});

describe("a page", () => {
  const fenced = (kind: string, body: string): string => `\`\`\`${kind}\n${body}\n\`\`\`\n`;

  it("is a program with the line numbers of the page", () => {
    const { program, blocks } = readPage(`# title\n\n${fenced("ts", "const a = 1;")}text\n${fenced("sh", "ls")}`);
    expect(program.split("\n")[3]).to.equal("const a = 1;");
    expect(program).not.to.contain("ls");
    expect(blocks).to.deep.equal([{ line: 3, expected: "" }]);
  });

  it("has output only behind a program", () => {
    expect(() => readPage(fenced("text", "1"))).to.throw("line 1: output without a program before it");
    expect(() => readPage(`${fenced("ts", "1;")}words\n\n${fenced("text", "1")}`)).to.throw("line 6: output without a program before it");
    expect(() => readPage("```ts\nconst a = 1;\n")).to.throw("line 1: a fence that is not closed");
  });

  it("has its outputs written anew, those that are gone or new too", () => {
    const [a, b, c] = ["a();", "b();", "c();"].map((code) => fenced("ts", code));
    const page = `# title\n\n${a}${fenced("text", "old\nlines")}\nwords\n\n${b}\n${c}\n${fenced("text", "gone")}end\n`;
    expect(withOutputs(page, ["new", "1\n2", ""])).to.equal(`# title\n\n${a}${fenced("text", "new")}\nwords\n\n${b}${fenced("text", "1\n2")}\n${c}end\n`);
  });

  it("has fences, links, pictures and headings, but not within fences", () => {
    const page = `# A *title*: \`code\`, 2!\n\n[a](b.md#c) ![p](q.svg) <https://x.org>\n\n## Twice\n\n## Twice\n\n${fenced("md", "[no](no.md) # no")}`;
    expect(linksOf(page)).to.deep.equal(["b.md#c", "https://x.org", "q.svg"]);
    expect(picturesOf(page)).to.deep.equal(["q.svg"]);
    expect(anchorsOf(page)).to.deep.equal(["a-title-code-2", "twice", "twice-1"]);
    expect(fencesOf(page)).to.deep.equal([{ info: "md", text: "[no](no.md) # no", line: 9, end: 11, heading: "Twice" }]);
  });

  it("is told apart block by block, and its error has the page's line", async () => {
    const page = readPage(fenced("ts", 'console.log("a", 1);') + fenced("text", "a 1") + fenced("ts", 'console.log("b");\nnull!.x;'));
    const error = await runPage(page, "broken.md", tmpdir()).then(() => undefined, (e: unknown) => e as Error);
    expect(error).to.be.an("error");
    expect(error!.stack).to.match(/broken\.mts:9/);
    const outputs = await runPage(readPage(fenced("ts", 'console.log("a", 1);') + fenced("ts", 'console.log("b");')), "two.md", tmpdir());
    expect(outputs).to.deep.equal(["a 1", "b"]);
  });
});
