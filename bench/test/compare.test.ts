import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { ConfigError } from "@fromnoise/tensor";
import { caveats, compareReports, formatComparison, readReport, type Verdict } from "../src/compare.js";
import { SCHEMA, type Report, type Row } from "../src/rows.js";

const rounds = (center: number): number[] => Array.from({ length: 10 }, (_, i) => center * (1 + 0.01 * Math.sin(2.4 * i)));

function row(ms: number | null, changes: Partial<Row> = {}): Row {
  return {
    bench: "matmul", shape: { m: 8, k: 8, n: 8 }, device: "wasm", peer: null, threads: 1,
    first_ms: ms, median_ms: ms, best_ms: ms, p95_ms: ms, samples: ms === null ? 0 : 10,
    gflops: null, gbps: null, peak_rss_mb: null, max_error: 0, note: "", upload_ms: null, readback_ms: null, rme: 1,
    rounds_ms: ms === null ? [] : rounds(ms), anchor_ms: 1, ...changes,
  };
}

const report = (...rows: Row[]): Report => ({
  schema: SCHEMA, date: "", commit: "", node: "", command: "", complete: true, rows,
  machine: {
    cpu: "", cores: 1, memory_gb: 1, os: "", v8: "", contenders: {},
    peaks: { muladd_gflops: 1, fused_gflops: null, cache_gbps: 1, memory_gbps: 1 },
  },
});

const verdict = (a: Row, b: Row): Verdict => compareReports(report(a), report(b), 1.1)[0].verdict;

describe("the comparison of two reports", () => {
  it("tells same, faster, slower and slower past the threshold apart", () => {
    expect(verdict(row(1), row(1.02))).to.equal("same");
    expect(verdict(row(1), row(0.8))).to.equal("faster");
    expect(verdict(row(1), row(1.09))).to.equal("slower");
    expect(verdict(row(1), row(1.2))).to.equal("SLOWER");
  });

  it("blames the machine where the anchor became slower as well", () => {
    expect(verdict(row(1), row(1.2, { anchor_ms: 1.2 }))).to.equal("same");
  });

  it("reports a row that failed as broken, and lists rows that only one report has", () => {
    expect(verdict(row(1), row(null))).to.equal("BROKEN");
    expect(verdict(row(null), row(1))).to.equal("not measured");
    const comparisons = compareReports(report(row(1), row(2, { threads: 3 })), report(row(1), row(4, { threads: 2 })), 1.1);
    expect(comparisons.map((c) => [c.row.threads, c.a, c.b, c.verdict]))
      .to.deep.equal([[1, 1, 1, "same"], [3, 2, null, "only in a"], [2, null, 4, "only in b"]]);
    expect(formatComparison(comparisons, 1.1)).to.match(/\n1 rows: 1 same, .*; 1 only in a, 1 only in b$/);
  });

  it("says where machine or Node differ, or a run was interrupted", () => {
    const a = report(row(1)), b = { ...a, node: "v24.0.0", complete: false };
    expect(caveats(a, a)).to.deep.equal([]);
    expect(caveats(a, b)).to.deep.equal(["NOTE  Node of a: , of b: v24.0.0", "NOTE  b was interrupted"]);
  });

  it("reads its own schema only", () => {
    const folder = mkdtempSync(join(tmpdir(), "fromnoise-compare-"));
    try {
      const file = join(folder, "a.json");
      writeFileSync(file, JSON.stringify(report(row(1))));
      expect(readReport(file).rows).to.have.length(1);
      writeFileSync(file, JSON.stringify({ ...report(), schema: SCHEMA + 1 }));
      expect(() => readReport(file)).to.throw(ConfigError, /a\.json is not a report of this version\n {2}where {4}schema\n {2}got {6}2\n {2}allowed {2}1/);
      for (const [wrong, where] of [
        [{}, "rows.1.bench"], [null, "rows.1"], [{ ...row(1), rounds_ms: null }, "rows.1.rounds_ms"], [{ ...row(1), bench: "nap" }, "rows.1.bench"],
        [{ ...row(1), shape: null }, "rows.1.shape"], [{ ...row(1), rounds_ms: [1, -1] }, "rows.1.rounds_ms.1"], [{ ...row(1), samples: 0 }, "rows.1"],
        [{ ...row(1), median_ms: "1" }, "rows.1.median_ms"], [{ ...row(1), peer: undefined }, "rows.1.peer"],
      ] as const) {
        writeFileSync(file, JSON.stringify({ ...report(row(1)), rows: [row(1), wrong] }));
        expect(() => readReport(file)).to.throw(ConfigError, `a.json is not a report of this version\n  where    ${where}\n  got  `);
      }
      writeFileSync(file, "{");
      expect(() => readReport(file)).to.throw(ConfigError, /cannot be read as a report/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
