/** The breaking lab: its page says what its results say, and at a toy's size what needs no training is found. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDevice } from "@fromnoise/tensor";
import { expect } from "chai";
import { listed, others } from "../docs/breaking/faults.js";
import { runLab, SOUND } from "../docs/breaking/lab.js";
import { verdict, withTables, type Looked, type Results } from "../docs/breaking/page.js";
import { temporaryFolder } from "../packages/diffusion/test/train/fixtures.js";

const docs = fileURLToPath(new URL("../docs", import.meta.url));

describe("the breaking lab", function () {
  this.timeout(240_000);
  const results = JSON.parse(readFileSync(join(docs, "breaking", "results.json"), "utf8")) as Results;

  it("found all nine, and nothing in what is sound", () => {
    expect(listed.map((fault) => [fault.name, verdict(fault, results[fault.name]).found])).to.deep.equal(listed.map(({ name }) => [name, true]));
    expect(SOUND.map((name) => results[name].findings)).to.deep.equal(SOUND.map(() => []));
  });

  it("has a page that says what its results say, with a picture each", () => {
    const page = readFileSync(join(docs, "breaking.md"), "utf8");
    expect(withTables(page, results)).to.equal(page);
    const shown = [...listed, ...others].filter(({ name }) => name in results);
    expect(shown.length).to.be.at.least(listed.length + 3);
    for (const { name } of shown) {
      expect(existsSync(join(docs, "images", `breaking-${name}.png`)), name).to.equal(true);
    }
  });

  it("trains, breaks and examines at a toy's size", async () => {
    const device = await openDevice("wasm", { threads: 1 });
    const looked = new Map<string, Looked>();
    try {
      await runLab({
        device, scale: { steps: 3, batch: 4, width: [8, 8], size: 8 }, folder: temporaryFolder(), count: 16, names: ["v", "no-time", "wrong-previous", "unscaled-linear"],
        onResult: (one) => void looked.set(one.name, one),
      });
    } finally {
      await device.dispose();
    }
    expect([...looked.keys()]).to.have.members(["v", "wrong-previous", "unscaled-linear", "no-time"]);
    const names = (of: string): string[] => looked.get(of)!.findings.map(({ name }) => name);
    expect(names("no-time")).to.include("no-time");
    expect(names("wrong-previous")).to.include("sampler-levels");
    expect(names("unscaled-linear")).to.include("signal-at-the-end");
    expect(names("v")).not.to.include("sampler-levels").and.not.to.include("signal-at-the-end");
  });
});
