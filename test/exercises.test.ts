/** The exercises of the book: each starter fails its check, with words, and each answer passes. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect } from "chai";
import type { Check } from "../docs/book/exercises/check.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "docs/book/exercises");
const folders = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
const load = (chapter: string, name: string, file: string): Promise<unknown> => import(pathToFileURL(join(folder, chapter, name, `${file}.ts`)).href);

describe("the exercises of the book", () => {
  for (const chapter of folders(folder)) {
    it(`${chapter} has two, which its page names`, function () {
      const names = folders(join(folder, chapter));
      expect(names.length).to.equal(2);
      const page = readFileSync(join(root, "docs/book", `${chapter}.md`), "utf8");
      for (const name of names) expect(page).to.contain(`(exercises/${chapter}/${name}/starter.ts)`);
    });

    for (const name of folders(join(folder, chapter))) {
      it(`${chapter}/${name}: the starter fails, the answer passes`, async () => {
        const { check } = await load(chapter, name, "check") as { check: Check<unknown> };
        const [starter, answer] = [await load(chapter, name, "starter"), await load(chapter, name, "answer")];
        expect(Object.keys(answer as object), "what the answer gives").to.have.members(Object.keys(starter as object));
        const failure = await Promise.resolve().then(() => check(starter)).then(() => undefined, (error: unknown) => error as Error);
        expect(failure, "the starter's failure").to.be.an("error");
        expect(failure!.message).to.match(/got|ends at/);
        await check(answer);
      });
    }
  }

  it("are checked by a command that says so and ends accordingly", () => {
    const run = (...args: string[]): { status: number | null; stdout: string; stderr: string } => spawnSync(
      process.execPath, ["--import", "tsx", "-C", "fromnoise-source", join(folder, "run.ts"), ...args], { cwd: root, encoding: "utf8" },
    );
    const name = "2-best-guess/from-v";
    expect(run(name)).to.include({ status: 1, stderr: "" }).and.property("stdout").to.match(/from-v: not yet\. x_t .* got .*, wanted /);
    expect(run(name, "--answer")).to.include({ status: 0, stdout: `${name}: passed\n` });
    expect(run("nonsense")).to.include({ status: 2 }).and.property("stderr").to.contain("no exercise nonsense\nallowed  ");
    expect(run().stdout.split("\n").length).to.be.above(10);
  });
});
