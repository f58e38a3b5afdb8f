import { readFileSync } from "node:fs";
import { expect } from "chai";
import { withTables } from "../../../../docs/make-configuration.js";

describe("docs/configuration.md", () => {
  it("shows the fields as they are: npm run config:table writes them", () => {
    const page = readFileSync(new URL("../../../../docs/configuration.md", import.meta.url), "utf8");
    expect(page).to.equal(withTables(page));
  });

  it("has places for them", () => expect(() => withTables("nothing")).to.throw("no markers for fields"));
});
