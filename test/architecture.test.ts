/** docs/architecture.md describes the folders that there are, and draws the imports that there are. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { fencesOf } from "../docs/markdown.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(join(root, "docs/architecture.md"), "utf8");

/** The folders of the page's tree with the sentence beside each, read from its indentation. */
function rooms(): Map<string, string> {
  const tree = fencesOf(page).find(({ info }) => info === "tree")!.text;
  const path: string[] = [];
  return new Map(tree.split("\n").filter((line) => line !== "").map((line) => {
    const [, indent, name, sentence = ""] = /^( *)(\S+)(?: {2,}(\S.*))?$/.exec(line) ?? [];
    path.splice(indent.length / 2, Infinity, name);
    return [path.join("/"), sentence];
  }));
}

/** Folders whose own folders are all alike: the page describes them once. */
const alike = ["docs/book/exercises"];
/** Folders that a build or npm makes, and those that tools keep hidden. */
const made = (name: string): boolean => ["generated", "node_modules", "api", "dist"].includes(name) || name.startsWith(".");

/** All folders below one, but those. */
function foldersBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !made(entry.name))
    .flatMap(({ name }) => [`${folder}/${name}`, ...(alike.includes(`${folder}/${name}`) ? [] : foldersBelow(`${folder}/${name}`))]);
}

/** The boxes of the picture under a heading, each with the files that its label names. */
function boxes(heading: string): { label: string; files: string[] }[] {
  const { text: picture } = fencesOf(page).find((fence) => fence.info === "mermaid" && fence.heading === heading)!;
  return [...picture.matchAll(/^ *\w+\["(.*)"\]$/gm)].map(([, label]) => ({ label, files: label.match(/[\w./-]+\.ts/g) ?? [] }));
}

describe("docs/architecture.md", () => {
  it("names only folders that exist, each with a sentence", () => {
    const all = [...rooms()];
    expect(all.length).to.be.above(40);
    expect(all.filter(([folder, sentence]) => !existsSync(join(root, folder)) || sentence.length < 10)).to.deep.equal([]);
  });

  for (const folder of ["packages/tensor/src", "packages/nn/src", "packages/diffusion/src", "docs"]) {
    it(`leaves out no folder of ${folder}`, () => {
      const known = rooms();
      expect([folder, ...foldersBelow(folder)].filter((name) => !known.has(name))).to.deep.equal([]);
    });
  }

  for (const heading of ["How data flows in training", "How data flows in sampling"]) {
    it(`draws ${heading.toLowerCase()} in at most ten boxes, each with files that exist`, () => {
      const all = boxes(heading);
      expect(all.length).to.be.within(5, 10);
      expect(all.filter(({ files }) => files.length === 0)).to.deep.equal([]);
      const missing = all.flatMap(({ files }) => files)
        .filter((file) => !["tensor", "nn", "diffusion"].some((name) => existsSync(join(root, "packages", name, "src", file))));
      expect(missing).to.deep.equal([]);
    });
  }

  it("draws the imports as they are", function () {
    this.timeout(120_000);
    const { status, stderr } = spawnSync(process.execPath, [join(root, "scripts/imports-graph.mjs"), "--check"], { encoding: "utf8" });
    expect(status, stderr).to.equal(0);
  });
});
