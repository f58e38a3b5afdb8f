import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

/** All sources that a file imports by relative paths, directly or not, and the packages that they import. */
function importsOf(entry: string, seen = new Map<string, string[]>()): Map<string, string[]> {
  if (seen.has(entry)) return seen;
  const source = readFileSync(entry, "utf8");
  const specifiers = [...source.matchAll(/^(?!import type|export type).*from "([^"]+)"/gm)].map((match) => match[1]);
  seen.set(entry, specifiers.filter((name) => !name.startsWith(".")));
  for (const name of specifiers.filter((s) => s.startsWith("."))) {
    importsOf(fileURLToPath(new URL(name.replace(/\.js$/, ".ts"), new URL(`file://${entry}`))), seen);
  }
  return seen;
}

describe("the portable halves of images and data", () => {
  for (const part of ["image", "data"]) {
    it(`of ${part}/ import nothing that a browser lacks`, () => {
      const files = importsOf(fileURLToPath(new URL(`../../src/${part}/index.ts`, import.meta.url)));
      expect(files.size).to.be.greaterThan(4);
      expect([...new Set([...files.values()].flat())]).to.satisfy((names: string[]) => names.every((name) => name.startsWith("@fromnoise/")));
      for (const file of files.keys()) expect(readFileSync(file, "utf8"), file).not.to.match(/\b(Buffer|process)\./);
    });
    it(`of ${part}/ are less than the whole, which reads files`, () => {
      const files = importsOf(fileURLToPath(new URL(`../../src/${part}/node/index.ts`, import.meta.url)));
      expect([...files.values()].flat()).to.include("node:fs");
    });
  }
});
