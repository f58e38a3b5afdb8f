import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { array, check, number, object, picklist, pipe } from "valibot";
import { ConfigError } from "@fromnoise/tensor";
import { checked, readChecked } from "../src/checked-json.js";

const schema = object({ kind: picklist(["a", "b"]), points: pipe(array(object({ x: number() })), check((points) => points.length < 3, "at most two points")) });

describe("JSON that is read back", () => {
  it("is what it was where it is as the schema has it", () => {
    const value = { kind: "a", points: [{ x: 1 }, { x: 2 }] };
    expect(checked(value, "here", "points", schema)).to.deep.equal(value);
  });

  for (const [value, where, got, allowed] of [
    [{ kind: "c", points: [] }, "kind", '"c"', '("a" | "b")'], [{ kind: "a", points: [{ x: 1 }, { x: "2" }] }, "points.1.x", '"2"', "number"],
    [{ kind: "a" }, "points", "nothing", "a value there"], [{ kind: "a", points: [{ x: 1 }, { x: 1 }, { x: 1 }] }, "points", '[{"x":1},{"x":1},{"x":1}]', "at most two points"],
    [{ kind: "x".repeat(100), points: [] }, "kind", `"${"x".repeat(56)}...`, '("a" | "b")'],
  ] as const) {
    it(`names ${where}: ${got.slice(0, 30)}`, () => {
      expect(() => checked(value, "here", "a cloud", schema)).to.throw(ConfigError)
        .with.property("message", `here is not a cloud\n  where    ${where}\n  got      ${got}\n  allowed  ${allowed}`);
    });
  }

  it("says of a file that is none, or no JSON, why", () => {
    expect(() => checked(null, "here", "a cloud", schema)).to.throw(ConfigError, "here is not a cloud\n  got      null\n  allowed  Object");
    const folder = mkdtempSync(join(tmpdir(), "fromnoise-json-")), file = join(folder, "a.json");
    try {
      expect(() => readChecked(file, "a cloud", schema)).to.throw(ConfigError, `${file} cannot be read as a cloud\n  reason   ENOENT`);
      writeFileSync(file, "{");
      expect(() => readChecked(file, "a cloud", schema)).to.throw(ConfigError, `${file} cannot be read as a cloud\n  reason   `);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
