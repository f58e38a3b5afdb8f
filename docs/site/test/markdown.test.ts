import { join } from "node:path";
import { expect } from "chai";
import { docs, placeOf, resolveLink, shownSources } from "../markdown/pages.js";
import { sourceLines } from "../markdown/source-lines.js";

describe("the pages' Markdown on the site", () => {
  it("finds the lines of a source, without their indentation, and their number", () => {
    const file = "packages/diffusion/src/process/level.ts";
    expect(sourceLines(file, "export function logSnr(", 3)).to.deep.include({
      text: "export function logSnr({ alpha, sigma }: Amounts): number {\n  return 2 * elementary.log(alpha / sigma);\n}",
    });
    expect(sourceLines(file, "return 2 * elementary", 1).text).to.equal("return 2 * elementary.log(alpha / sigma);");
  });

  it("fails where the lines are gone, or are not one place", () => {
    const file = "packages/diffusion/src/process/level.ts";
    expect(() => sourceLines(file, "what nobody wrote", 1)).to.throw(`0 lines of ${file}`);
    expect(() => sourceLines(file, "alpha", 1)).to.throw(/\d+ lines of/);
    expect(() => sourceLines("packages/no-such.ts", "a", 1)).to.throw("no such file");
  });

  it("puts folders' README.md where their folder is", () => {
    expect(["README.md", "ops/README.md", "book/1-forward.md", "site/index.md", "site/api/nn/optim.md"].map(placeOf))
      .to.deep.equal(["reference.md", "ops/index.md", "book/1-forward.md", "index.md", "api/nn/optim.md"]);
  });

  it("leads links to pages, links to sources to pages of these, and leaves others alone", () => {
    const from = join(docs, "book/1-forward.md");
    expect(resolveLink(from, "../ops/README.md#a")).to.deep.equal({ url: "/ops/index.md#a", source: false });
    expect(resolveLink(from, "../../packages/nn/src/index.ts")).to.deep.equal({ url: "/source/packages/nn/src/index.ts.html", source: true });
    expect(shownSources.has("packages/nn/src/index.ts")).to.equal(true);
    for (const href of ["https://arxiv.org", "#here", "no-such-file.md", "../images/floor.svg"]) expect(resolveLink(from, href), href).to.equal(undefined);
  });
});
