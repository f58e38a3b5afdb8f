import { expect } from "chai";
import type { ModelShape } from "../src/bench.js";
import { compareReports } from "../src/compare.js";
import { htmlReport } from "../src/html.js";
import { markdownReport } from "../src/markdown.js";
import { benchUNet } from "../src/model-benches.js";
import { SCHEMA, type Report, type Row } from "../src/rows.js";

const base: Row = {
  bench: "matmul", shape: { m: 512, k: 512, n: 512 }, device: "wasm", peer: null, threads: 1,
  first_ms: 9, median_ms: 6, best_ms: 5, p95_ms: 7, samples: 40, gflops: 44.7, gbps: 0.5, peak_rss_mb: null, max_error: 5e-7, note: "",
  upload_ms: 1, readback_ms: 1, rme: 2, rounds_ms: [6, 6, 6], anchor_ms: 1,
};
const step = (batch: number, ms: number): Row =>
  ({ ...base, bench: "unet-train-step", shape: { batch, config: benchUNet }, median_ms: ms, gbps: null, peak_rss_mb: 320 });

const report: Report = {
  schema: SCHEMA, date: "2026-01-01T00:00:00.000Z", commit: "abc+", node: "v24.0.0", command: "npm run bench", complete: true,
  machine: {
    cpu: "A <CPU>", cores: 2, memory_gb: 8, os: "Linux", v8: "13", contenders: { "torch (1)": "PyTorch 1.13" },
    peaks: { muladd_gflops: 57, fused_gflops: 58, cache_gbps: 70, memory_gbps: 20 },
  },
  rows: [
    base, { ...base, device: "cpu", peer: "torch", median_ms: 3 }, step(1, 40), step(4, 160),
    { ...base, device: "gpu:webgpu", threads: 0, median_ms: 4, upload_ms: 1.5 },
    { ...base, device: "chromium/gpu:webgl2", threads: 0, median_ms: 5, readback_ms: 0.5 },
    { ...base, device: "webgl", peer: "tfjs", threads: 0, median_ms: 10, upload_ms: null, readback_ms: null },
    { ...base, device: "wasm", peer: "tfjs", median_ms: null, best_ms: null, samples: 0, max_error: null, note: "Kernel 'X' not registered" },
  ],
};

describe("the report of the benches", () => {
  it("has in JSON the fields that its version promises", () => {
    const read = JSON.parse(JSON.stringify(report)) as Report;
    expect(read).to.include.all.keys("schema", "machine", "date", "commit", "node", "rows");
    for (const row of read.rows) {
      expect(row).to.include.all.keys(
        "bench", "shape", "device", "peer", "threads", "first_ms", "median_ms", "best_ms", "p95_ms", "samples", "gflops", "gbps",
        "peak_rss_mb", "max_error", "note",
      );
    }
    expect(compareReports(report, read, 1.1).map(({ verdict }) => verdict)).to.include("same").and.not.include("SLOWER");
  });

  it("shows in Markdown times, ratios, share of the peak, growth, transfers and what failed", () => {
    const markdown = markdownReport(report).replace(/ +/g, " ");
    for (const text of [
      "commit abc with changes", "PyTorch 1.13", "| 512^3 | 6.00 +-2% (45 GFLOP/s) | 3.00 +-2% (45 GFLOP/s) | 4.00 +-2% (45 GFLOP/s) |",
      "| time / torch: matmul | wasm (1) | gpu:webgpu |", "| 512^3 | 2.00 | 1.33 |", "| wasm (1) | 44.7 | 53.7 | 93 % |",
      "| peak MB: unet-train-step | wasm (1) |", "| images per second: unet-train-step | wasm (1) |", "| B4 32x32 32-64-128 | 25 |",
      "| time / tfjs webgl: matmul | gpu:webgpu | chromium/gpu:webgl2 |", "| 512^3 | 0.40 | 0.50 |",
      "| matmul | 512^3 | chromium/gpu:webgl2 | 1.00 | 5.00 | 0.500 |", "| matmul | chromium/gpu:webgl2 | 512^3 | none |",
      "| matmul | 512^3 | gpu:webgpu | 1.50 | 4.00 | 1.00 |", "| matmul | gpu:webgpu | 512^3 | none |",
      "| tfjs wasm (1) | matmul | Kernel 'X' not registered |",
    ]) expect(markdown).to.include(text);
  });

  it("claims no size at which a GPU is faster than wasm where wasm was not measured", () => {
    const alone = markdownReport({ ...report, rows: report.rows.filter((row) => row.device !== "wasm") });
    expect(alone).to.include("Upload, compute and read-back").and.not.include("smallest size faster than wasm");
  });

  it("shows how cost grows along batch, pixels, width and T, each with all else equal", () => {
    const at = (bench: Row["bench"], ms: number, sizes: Partial<ModelShape>, config = {}): Row =>
      ({ ...base, bench, shape: { batch: 16, ...sizes, config: { ...benchUNet, ...config } }, median_ms: ms });
    const markdown = markdownReport({ ...report, rows: [
      step(1, 40), step(4, 200), step(16, 800), at("unet-train-step", 200, {}, { sample_size: 16 }),
      at("unet-train-step", 160, {}, { block_out_channels: [16, 32, 64] }),
      at("sampler", 10, { steps: 1 }), at("sampler", 45, { steps: 5 }), at("sampler", 3, { steps: 1 }, { sample_size: 16 }),
    ] }).replace(/ +/g, " ");
    for (const lines of [
      ["| unet-train-step: ms an image, by batch | wasm (1) |", "| 1 | 40.0 (1.00) |", "| 4 | 50.0 (1.25) |", "| 16 | 50.0 (1.25) |"],
      ["| unet-train-step: ms an image and 1024 pixels, by side | wasm (1) |", "| 16 | 50.0 (1.00) |", "| 32 | 50.0 (1.00) |"],
      ["| unet-train-step: ms an image, by width; growth against operations | wasm (1) |", "| 16 | 10.0 (1.00) |"],
      ["| sampler: ms an image and step, by T | wasm (1) |", "| 1 | 0.625 (1.00) |", "| 5 | 0.563 (0.90) |"],
    ]) expect(markdown.split("\n").filter((line) => !line.startsWith("|-")).join("\n")).to.include(lines.join("\n"));
  });

  it("says when a run was interrupted", () => {
    expect(markdownReport({ ...report, complete: false })).to.include("INTERRUPTED");
    expect(markdownReport(report)).not.to.include("INTERRUPTED");
  });

  it("is in HTML one page that loads nothing, with its text escaped", () => {
    const html = htmlReport(report);
    expect(html).to.match(/^<!doctype html>/);
    expect(html.match(/<svg /g)).to.have.length.at.least(3);
    expect(html).to.include("A &lt;CPU&gt;").and.include("Roofline");
    expect(html).not.to.match(/<script|<link|<img|src=|https?:(?!\/\/www\.w3\.org\/2000\/svg)|@import|NaN|Infinity|undefined/);
  });

  it("is made even when nothing was timed", () => {
    const nothing = { ...report, rows: [report.rows[7]] };
    expect(htmlReport(nothing)).to.include("Not timed");
  });
});
