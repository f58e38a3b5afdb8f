/** Looks at the HTML report of the benchmarks as Chromium renders it. */
import Mocha from "mocha";
import type { Page } from "playwright-core";
import { htmlReport } from "../bench/src/html.js";
import { SCHEMA, type Report as BenchReport, type Row } from "../bench/src/rows.js";
import { withBrowser, type Log } from "./chromium.js";
import { runTests, type Outcome, type Report } from "./report.js";

const WIDTH = 1280;

/** A product of square matrices by one contender; they differ by a factor of a thousand, so that bars are cut. */
const row = (side: number, device: string, peer: string | null, threads: number, ms: number): Row => ({
  bench: "matmul", shape: { m: side, k: side, n: side }, device, peer, threads, first_ms: 2 * ms, median_ms: ms, best_ms: ms, p95_ms: ms,
  samples: 40, gflops: 2e-6 * side ** 3 / ms, gbps: 12e-6 * side ** 2 / ms, peak_rss_mb: null, max_error: 5e-7, note: "",
  upload_ms: 1, readback_ms: 1, rme: 2, rounds_ms: [ms, ms, ms], anchor_ms: 1,
});

const rows = [64, 256, 1024].flatMap((side) => [
  row(side, "wasm:revectorize", null, 1, 3e-8 * side ** 3), row(side, "chromium/wasm:exact", null, 16, 3e-9 * side ** 3),
  row(side, "reference", null, 1, 3e-6 * side ** 3), row(side, "chromium/gpu:webgpu", null, 0, 1 + 1e-8 * side ** 3),
  row(side, "cpu", "torch", 1, 2e-8 * side ** 3), row(side, "webgpu", "jax-js", 0, 2 + 2e-8 * side ** 3),
]);

const report: BenchReport = {
  schema: SCHEMA, date: "2026-01-01T00:00:00.000Z", commit: "abc", node: "v24.0.0", complete: true,
  command: `npm run bench -- --only matmul --device ${new Array(40).fill("chromium/gpu:webgpu").join(",")}`,
  machine: {
    cpu: "A CPU of many words", cores: 16, memory_gb: 64, os: "Linux", v8: "13", contenders: { "torch (1)": "PyTorch, OpenBLAS" },
    peaks: { muladd_gflops: 57, fused_gflops: 58, cache_gbps: 70, memory_gbps: 20 },
  },
  rows: [...rows, { ...rows[0], device: "webgl", peer: "tfjs", threads: 0, median_ms: null, best_ms: null, samples: 0, note: "no WebGL" }],
};

/** The report in a window of 1280 pixels: nothing is logged, charts show their marks, text stays on the page. */
export function runBenchReport(log: Log): Promise<Report> {
  return withBrowser([], log, async (page) => {
    const said: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(error.message));
    await page.setViewportSize({ width: WIDTH, height: 800 });
    await page.setContent(htmlReport(report));
    const parts = await runTests(Mocha, [
      ["charts", () => charts(page)],
      ["text", () => text(page)],
      ["console", () => Promise.resolve({ measured: `${said.length} messages`, failures: said })],
    ], ({ name }) => log(name));
    return { description: `the HTML report of the benchmarks, ${WIDTH} pixels wide`, parts };
  });
}

/** Bars, or points and curves, have a size and lie within their chart, as does what is written in it. */
async function charts(page: Page): Promise<Outcome> {
  const { count, marks, failures } = await page.evaluate(() => {
    const found = { count: 0, marks: 0, failures: [] as string[] };
    for (const svg of Array.from(document.querySelectorAll("svg"))) {
      const name = `chart ${++found.count}`;
      const frame = svg.getBoundingClientRect();
      const curves = Array.from(svg.querySelectorAll("polyline"));
      const bars = Array.from(svg.querySelectorAll("rect[fill=currentColor]"));
      const marks: Element[] = curves.length > 0 ? Array.from(svg.querySelectorAll("circle")) : bars;
      if (marks.length === 0) found.failures.push(`${name} shows nothing`);
      found.marks += marks.length;
      for (const element of [...marks, ...curves, ...Array.from(svg.querySelectorAll("text"))]) {
        const { left, right, top, bottom, width, height } = element.getBoundingClientRect();
        const inside = left >= frame.left && right <= frame.right && top >= frame.top && bottom <= frame.bottom;
        const size = element instanceof SVGPolylineElement ? Math.max(width, height) : Math.min(width, height);
        const what = `${name}: ${element.tagName} ${element.textContent ?? ""}`;
        if (!(size > 0) || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) found.failures.push(`${what} is not seen`);
        if (!inside) found.failures.push(`${what} lies outside`);
      }
    }
    return found;
  });
  if (count !== 5) failures.push(`${count} charts instead of a roofline, growth with the size, and bars at three sizes`);
  return { measured: `${count} charts, ${marks} bars and points`, failures };
}

/** No line reaches past the right edge of the page; tables may, in a box that scrolls. */
async function text(page: Page): Promise<Outcome> {
  return page.evaluate((width) => {
    const failures: string[] = [];
    const { scrollWidth } = document.documentElement;
    if (scrollWidth > width) failures.push(`the page is ${scrollWidth} pixels wide`);
    const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let lines = 0;
    while (nodes.nextNode() !== null) {
      const node = nodes.currentNode;
      if (node.parentElement!.closest(".scroll") !== null) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const { right } of Array.from(range.getClientRects())) {
        lines++;
        if (right > width) failures.push(`"${node.textContent!.slice(0, 40)}" reaches to ${right.toFixed(0)}`);
      }
    }
    return { measured: `${lines} lines within ${width} pixels`, failures };
  }, WIDTH);
}
