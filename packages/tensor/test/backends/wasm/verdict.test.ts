import { expect } from "chai";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { platform } from "#platform";
import { relaxedBuild, revectorizedBuild, verdictOn } from "../../../src/backends/wasm/check/verdict.js";
import { kernelsOn } from "../../../src/backends/wasm/index.js";
import { noRevectorizer } from "./builds.js";

/** What this Node can be checked for. */
const candidate = noRevectorizer === undefined ? revectorizedBuild : relaxedBuild;

describe("a verdict on a build", function () {
  this.timeout(60_000);
  const real = { ...platform }, xdg = process.env["XDG_CACHE_HOME"];
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "fromnoise-cache-"));
    process.env["XDG_CACHE_HOME"] = home;
  });
  afterEach(() => {
    Object.assign(platform, real);
    rmSync(home, { recursive: true });
    if (xdg === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = xdg;
  });
  const kept = (): string[] => readdirSync(join(home, "fromnoise"));
  const path = (): string => join(home, "fromnoise", kept()[0]);
  /** Stands for a verdict that no check gives. */
  const planted = { fault: "planted" };

  it("is kept in one file, and believed the next time", async () => {
    const verdict = await verdictOn(candidate, kernelsOn);
    expect(verdict).to.have.property("fused", true);
    expect(kept()).to.have.length(1);
    expect(JSON.parse(readFileSync(path(), "utf8"))).to.deep.equal(verdict);
    writeFileSync(path(), JSON.stringify(planted));
    expect(await verdictOn(candidate, kernelsOn)).to.deep.equal(planted);
  });

  it("is found again where what was kept is damaged", async () => {
    await verdictOn(candidate, kernelsOn);
    for (const text of ["", "{", "null", "[]", '{"fused":1}', '{"fused":true,"speedUp":-1}', "x".repeat(100_000)]) {
      writeFileSync(path(), text);
      expect(await verdictOn(candidate, kernelsOn), text.slice(0, 20)).to.have.property("fused", true);
      expect(JSON.parse(readFileSync(path(), "utf8"))).to.have.property("fused", true);
    }
    expect(kept()).to.have.length(1);
  });

  it("is found anew for another engine, processor, or build", async () => {
    for (const changed of [{}, { engine: "V8 99.1" }, { machine: () => "another" }]) {
      Object.assign(platform, { ...real, ...changed });
      await verdictOn(candidate, kernelsOn);
    }
    expect(kept()).to.have.length(3);
  });

  it("needs no folder that can be written", async () => {
    writeFileSync(join(home, "file"), "");
    process.env["XDG_CACHE_HOME"] = join(home, "file");
    expect(await verdictOn(candidate, kernelsOn)).to.have.property("fused", true);
    expect(readdirSync(home)).to.deep.equal(["file"]);
  });
});
