import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { Report } from "../src/rows.js";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

interface Ended { code: number | null; out: string; err: string }

/** Runs the command in a process of its own; `onError` sees what it has written to standard error so far, and the process. */
async function bench(args: readonly string[], onError: (text: string, pid: number) => void = () => undefined): Promise<Ended> {
  const child = spawn(process.execPath, ["--import", "tsx", "-C", "fromnoise-source", main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "", err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => onError(err += text, child.pid!));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, out, err };
}

describe("the command of the benches", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "fromnoise-bench-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it("keeps what was measured when it gets SIGINT, and exits with 130", async () => {
    const file = join(folder, "a.json");
    let sent = false;
    const args = ["--only", "softmax,reduce,adam", "--device", "reference", "--peers", "none", "--rounds", "2", "--json", file];
    const { code, out } = await bench(args, (text, pid) => {
      if (!sent && text.includes("softmax")) sent = process.kill(pid, "SIGINT");
    });
    const report = JSON.parse(readFileSync(file, "utf8")) as Report;
    expect(code).to.equal(130);
    expect(report.complete).to.be.false;
    expect(report.rows.length).to.be.within(1, 8); // of 9
    expect(report.rows[0]).to.include({ bench: "softmax" }).and.have.property("samples").above(0);
    expect(out).to.include("INTERRUPTED: what was measured until then");
  });

  it("refuses a report that cannot be written before it measures anything", async () => {
    const { code, out, err } = await bench(["--quick", "--md", join(folder, "nowhere", "a.md")]);
    expect([code, out]).to.deep.equal([2, ""]);
    expect(err).to.match(/a\.md cannot be written\n {2}reason {3}ENOENT/);
  });

  it("names the sizes that there are", async () => {
    const { code, err } = await bench(["--only", "reduce", "--sizes", "7^3"]);
    expect(code).to.equal(2);
    expect(err).to.match(/no size of these benches has such a title\n {2}allowed {2}sum 64x1024, /);
  });
});
