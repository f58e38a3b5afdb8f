import { readFileSync } from "node:fs";
import { expect } from "chai";
import { withDemoTable, type DemoResult } from "../docs/make-demo-table.js";
import { demoConfig } from "../packages/diffusion/src/train/demo-config.js";

const docs = (name: string): string => readFileSync(new URL(`../docs/${name}`, import.meta.url), "utf8");

describe("docs/demo.md", () => {
  const results = JSON.parse(docs("demo.json")) as DemoResult[];

  it("has the table of its figures", () => {
    expect(withDemoTable(docs("demo.md"), results)).to.equal(docs("demo.md"));
    expect(() => withDemoTable("no markers", results)).to.throw("markers");
  });

  it("has figures of the demo as it is: as many steps, for five seeds", () => {
    expect(results.length).to.be.at.least(1);
    for (const { node, steps, seeds } of results) {
      expect(steps, node).to.equal(demoConfig(node).steps);
      expect(seeds.length, node).to.equal(5);
    }
  });

  it("measures copies and what is held out beside recognition", () => {
    for (const { seeds, heldOut } of results) {
      for (const { copied, lossRatio, recall } of seeds) {
        expect(copied).to.be.at.most(heldOut.copied + 0.01);
        expect(lossRatio).to.be.at.most(1.05);
        expect(recall).to.be.above(0);
      }
    }
  });
});
