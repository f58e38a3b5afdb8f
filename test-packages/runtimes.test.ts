import { expect } from "chai";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { install, packages, readmeOf, run, type Installed } from "./installed.js";

/** Runtimes that are not Node, from their npm packages: how each runs a file of a folder that npm installed into. */
const runtimes: Readonly<Record<string, readonly string[]>> = { bun: ["run"], deno: ["run", "--allow-all", "--node-modules-dir=manual"] };

describe("the installed packages in other runtimes", function () {
  this.timeout(300_000);
  let installed: Installed;
  before(() => void (installed = install()));
  after(() => installed?.dispose());

  for (const [runtime, args] of Object.entries(runtimes)) {
    it(`run the programs of the READMEs in ${runtime}`, function () {
      const tools = join(dirname(installed.folder), runtime);
      mkdirSync(tools);
      writeFileSync(join(tools, "package.json"), "{}");
      try {
        run("npm", ["install", "--no-audit", "--no-fund", "--loglevel", "error", runtime], tools);
      } catch (error) {
        console.log(`      ${runtime} is not run: npm cannot install it here: ${(error as Error).message.split("\n")[1] ?? ""}`);
        this.skip();
      }
      const binary = join(tools, "node_modules", ".bin", runtime);
      for (const name of packages) {
        const { javascript, expected } = readmeOf(name);
        writeFileSync(join(installed.folder, `${name}.js`), javascript);
        expect(run(binary, [...args, `${name}.js`], installed.folder).trimEnd(), name).to.equal(expected);
      }
    });
  }
});
