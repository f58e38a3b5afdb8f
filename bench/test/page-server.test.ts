import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { serve } from "../src/page-server.js";

describe("the server of built pages", () => {
  const folder = mkdtempSync(join(tmpdir(), "fromnoise-page-"));
  after(() => rmSync(folder, { recursive: true }));
  const isolation = ({ headers }: Response): (string | null)[] => ["cross-origin-opener-policy", "cross-origin-embedder-policy"].map((name) => headers.get(name));

  it("gives what is in the folder and below it, also what is written later, and nothing else", async () => {
    writeFileSync(join(folder, "index.html"), "<p>page</p>");
    const { url, close } = await serve(folder, 0);
    try {
      expect(url).to.match(/^http:\/\/localhost:\d+\/$/);
      expect(await (await fetch(url)).text()).to.contain("<p>page</p>");
      mkdirSync(join(folder, "assets"));
      writeFileSync(join(folder, "assets/late.js"), "1;");
      writeFileSync(join(folder, "case.json"), "{}");
      const [script, json] = await Promise.all(["assets/late.js", "case.json"].map((path) => fetch(url + path)));
      expect([script, json].map(({ headers }) => headers.get("content-type")?.split(";")[0])).to.deep.equal(["text/javascript", "application/json"]);
      expect(await json.json()).to.deep.equal({});
      for (const path of ["no-such.json", "assets/no-such.js", "..%2f..%2fetc/passwd", "%2e%2e/secret"]) expect((await fetch(url + path)).status, path).to.be.oneOf([403, 404]);
    } finally {
      await close();
    }
    expect(await fetch(url).then(() => "answered", () => "closed")).to.equal("closed");
  });

  for (const isolated of [true, false]) {
    it(`${isolated ? "isolates" : "does not isolate"} pages and what they load${isolated ? "" : " where it is told not to"}`, async () => {
      writeFileSync(join(folder, "index.html"), "<p>page</p>");
      writeFileSync(join(folder, "worker.js"), "1;");
      const { url, close } = await serve(folder, 0, { isolated });
      try {
        const wanted = isolated ? ["same-origin", "require-corp"] : [null, null];
        for (const path of ["", "index.html", "worker.js"]) expect(isolation(await fetch(url + path)), path).to.deep.equal(wanted);
      } finally {
        await close();
      }
    });
  }
});
