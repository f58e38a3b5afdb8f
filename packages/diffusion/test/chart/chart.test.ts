import { expect } from "chai";
import { axis, widened, type Axis } from "../../src/chart/axis.js";
import { barsSvg, chartSvg, escapeXml, type ChartOptions, type Series } from "../../src/chart/index.js";
import { textWidth } from "../../src/chart/svg.js";

/** Ticks that are at least so many pixels apart on an axis of 100. */
const ticks = (min: number, max: number, apart: number, log = false): Axis => axis([min, max], {
  range: [0, 100], log, fits: (all, at) => all.every(({ value }, i) => i === 0 || at(value) - at(all[i - 1].value) >= apart),
});
const labels = ({ ticks: all }: Axis): string[] => all.map(({ label }) => label);

describe("axes of charts", () => {
  it("have ticks at 1, 2 or 5 times a power of ten, as many as have room", () => {
    expect(labels(ticks(0, 1, 19.9))).to.deep.equal(["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    expect(labels(ticks(-3, 17, 20))).to.deep.equal(["0", "5", "10", "15"]);
    expect(labels(ticks(1, 20000, 20))).to.deep.equal(["5k", "10k", "15k", "20k"]);
    expect(labels(ticks(0, 2.5e6, 19.9))).to.deep.equal(["0", "0.5M", "1M", "1.5M", "2M", "2.5M"]);
    expect(labels(ticks(0, 4e-5, 24.9))).to.deep.equal(["0", "1e-5", "2e-5", "3e-5", "4e-5"]);
    expect(labels(ticks(0, 1e30, 40))).to.deep.equal(["0", "5e+29", "1e+30"]);
    expect(labels(ticks(0, 1, 1000))).to.deep.equal([]);
  });

  it("go by powers of ten on a logarithmic scale, finer where there is room, evenly within a factor of three", () => {
    expect(labels(ticks(0.01, 1, 10, true))).to.deep.equal(["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
    expect(labels(ticks(1e-6, 1, 10, true))).to.deep.equal(["1e-6", "1e-5", "0.0001", "0.001", "0.01", "0.1", "1"]);
    expect(labels(ticks(1e-6, 1, 40, true))).to.deep.equal(["1e-6", "0.001", "1"]);
    expect(labels(ticks(0.03, 0.05, 18, true))).to.deep.equal(["0.030", "0.035", "0.040", "0.045", "0.050"]);
    const scale = ticks(0.01, 1, 10, true);
    for (const [value, place] of [[0.01, 0], [0.1, 50], [1, 100]]) expect(scale.at(value)).to.be.closeTo(place, 1e-9);
  });

  it("widen a range without length, and make one of nothing", () => {
    expect(widened([5, 5], 0, false)).to.deep.equal([4.5, 5.5]);
    expect(widened([0, 0], 0, false)).to.deep.equal([-0.1, 0.1]);
    expect(widened([0, 10], 0.05, false)).to.deep.equal([-0.5, 10.5]);
    expect(widened([Infinity, -Infinity], 0.05, false)).to.deep.equal([0, 1]);
    const [low, high] = widened([1, 100], 0.5, true);
    expect([low, high].map((value) => Math.log10(value))).to.deep.equal([-1, 3]);
  });
});

interface Place { x: number; y: number }

/** Points of the polylines that are no marks of the legend. */
function polylines(svg: string): Place[][] {
  return [...svg.matchAll(/<polyline points="([^"]*)"/g)].map(([, points]) => points.split(" ").map((point) => {
    const [x, y] = point.split(",").map(Number);
    return { x, y };
  })).filter((points) => points.length > 2);
}

/** What is written, with the pixels that it takes at most. */
function texts(svg: string): { text: string; x: number; y: number; left: number; right: number }[] {
  return [...svg.matchAll(/<text x="([^"]*)" y="([^"]*)"(?: text-anchor="(\w+)")?[^>]*>([^<]*)<\/text>/g)].map(([, x, y, anchor = "start", text]) => {
    const width = textWidth(text), left = Number(x) - { start: 0, middle: width / 2, end: width }[anchor]!;
    return { text, x: Number(x), y: Number(y), left, right: left + width };
  });
}

describe("charts", () => {
  const x = Array.from({ length: 100 }, (_, i) => i);
  const falling = { name: "loss", x, y: x.map((i) => Math.exp(-i / 20)) };

  it("put values where the labels of their axes say", () => {
    const square = { name: "a", x: [0, 1, 2, 3, 4], y: [0, 1, 4, 9, 16] };
    const svg = chartSvg([square], { window: 1 }), written = texts(svg);
    const [points] = polylines(svg);
    square.x.forEach((value, i) => expect(written.find(({ text, y }) => text === value.toFixed(1) && y > 400)?.x ?? points[i].x).to.equal(points[i].x));
    const label = written.find(({ text, x: at }) => text === "4" && at < 100)!;
    expect(label.y - 5).to.be.closeTo(points[2].y, 0.11);
    for (let i = 1; i < 5; i++) expect(points[i].y).to.be.below(points[i - 1].y);
  });

  it("make an exponential a straight line with logY, and a power with both", () => {
    const [points] = polylines(chartSvg([falling], { window: 1, logY: true }));
    const slope = (i: number): number => points[i + 1].y - points[i].y;
    for (let i = 1; i < 99; i++) expect(slope(i)).to.be.closeTo(slope(0), 0.21);
    const [power] = polylines(chartSvg([{ name: "a", x: [1, 10, 100], y: [1, 100, 10000] }], { window: 1, logX: true, logY: true }));
    expect(power[1].x - power[0].x).to.be.closeTo(power[2].x - power[1].x, 0.11);
    expect(power[1].y - power[0].y).to.be.closeTo(power[2].y - power[1].y, 0.11);
  });

  it("smooth by the mean of the window and keep the raw points", () => {
    const zigzag = { name: "a", x, y: x.map((i) => i % 2) };
    const svg = chartSvg([zigzag], { window: 5 });
    expect(svg).to.contain("a, mean of 5");
    expect([...svg.matchAll(/M[\d.]+ [\d.]+h0/g)]).to.have.length(100);
    const [points] = polylines(svg), [raw] = polylines(chartSvg([zigzag], { window: 1 }));
    const at = (value: number): number => raw[0].y + value * (raw[1].y - raw[0].y);
    expect(points[10].y).to.be.closeTo(at(2 / 5), 0.2);  // 0 1 0 1 0 around an even step
    expect(points[11].y).to.be.closeTo(at(3 / 5), 0.2);
    expect(points[0].y).to.be.closeTo(at(1 / 3), 0.2);   // 0 1 0 at the start
  });

  it("leave out points that cannot be drawn", () => {
    const gaps = { name: "a", x: [0, 1, 2, 3, 4], y: [1, NaN, 0, Infinity, 2] };
    expect(polylines(chartSvg([gaps], { window: 1 }))[0]).to.have.length(3);
    const svg = chartSvg([gaps], { window: 1, logX: true, logY: true });
    expect(svg).not.to.match(/NaN|Infinity|undefined/);
    expect(svg.match(/<circle /g)).to.have.length(1);                                      // of five only (4, 2)
  });

  it("draw an empty chart, a single point, and a hundred thousand points", () => {
    expect(chartSvg([])).to.contain("no data yet");
    expect(chartSvg([{ name: "a", x: [7], y: [0.5] }])).to.match(/<circle /);
    const many = { name: "a", x: Array.from({ length: 100000 }, (_, i) => i), y: new Float64Array(100000).fill(1) };
    expect(chartSvg([many]).length).to.be.lessThan(60000);
    expect(chartSvg([{ ...many, marks: "dots" }]).length).to.be.lessThan(200000);
  });

  it("give a unit the same length on both axes where they are asked to", () => {
    const [square] = polylines(chartSvg([{ name: "", x: [0, 3, 3], y: [0, 0, 1] }], { window: 1, sameUnits: true }));
    expect(square[1].x - square[0].x).to.be.closeTo(3 * (square[1].y - square[2].y), 0.4);
  });

  it("name every series once, in a row where there is room, else in a column, and come again hollow", () => {
    const line = (name: string): Series => ({ name, x: [0, 1], y: [0, 1], marks: "both" });
    const [few, many] = [3, 20].map((count) => chartSvg(Array.from({ length: count }, (_, i) => line(`name ${i}`)), { yLabel: "height" }));
    const rowOf = (svg: string): number[] => texts(svg).filter(({ text }) => text.startsWith("name")).map(({ y }) => y);
    expect(new Set(rowOf(few)).size).to.equal(1);
    expect(new Set(rowOf(many)).size).to.equal(20);
    expect([few, many].map((svg) => svg.includes('r="3.5" fill="none"'))).to.deep.equal([false, true]);
    const twice = chartSvg([line("a"), line("b"), line("a"), line("")]);
    expect(texts(twice).filter(({ text }) => /^[ab]?$/.test(text)).map(({ text }) => text)).to.deep.equal(["a", "b"]);
  });

  it("keep all that is written apart and within the picture", () => {
    const random = (i: number): number => (i * 7919 % 1000) / 1000;
    const cases: ChartOptions[] = [
      {}, { title: "a title", yLabel: "what it is" }, { logX: true, logY: true }, { width: 300, height: 220, title: "small" }, { sameUnits: true, yLabel: "y" },
    ];
    for (const options of cases) {
      for (const [least, most] of [[0.5, 2], [1e-9, 1e-3], [1, 1e13], [12345.6, 12345.7]]) {
        const series = [0, 1, 2].map((k) => ({ name: `series ${k}`, x: x.map((i) => least + (most - least) * i / 100), y: x.map((i) => least + (most - least) * random(i + k)) }));
        const svg = chartSvg(series, options), written = texts(svg);
        const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!.map(Number);
        const where = `${JSON.stringify(options)} ${least} .. ${most}`;
        written.forEach((a, i) => {
          expect(a.left >= 0 && a.right <= width && a.y >= 14 && a.y <= height, `${where}: ${a.text}`).to.equal(true);
          for (const b of written.slice(i + 1)) {
            expect(Math.abs(a.y - b.y) < 14 && a.left < b.right && b.left < a.right, `${where}: ${a.text} over ${b.text}`).to.equal(false);
          }
        });
      }
    }
  });

  it("have light colours of their own and dark ones by a style, for what is in them and nothing else", () => {
    const svg = chartSvg([falling, falling], { window: 1 });
    const style = /<style>([^]*?)<\/style>/.exec(svg)![1];
    expect(style).to.match(/^@media \(prefers-color-scheme: dark\)/);
    const styled = [...style.matchAll(/\.chart \.([\w-]+)\{/g)].map(([, name]) => name), used = [...svg.matchAll(/ class="([\w-]+)"/g)].map(([, name]) => name);
    expect(styled.sort()).to.deep.equal([...new Set(used)].filter((name) => name !== "chart").sort());
    expect(styled).to.include.members(["paper", "series-0", "series-1"]).and.not.include("series-2");
    expect(svg).to.match(/<rect width="100%" height="100%" class="paper" fill="#ffffff"\/>/);
  });

  it("escape what they are told, and are the same every time", () => {
    const named = { ...falling, name: "t < 250 & \"x\"" };
    const svg = chartSvg([named], { title: "a<b>&c", yLabel: "</svg>" });
    expect(svg).to.contain("t &#60; 250 &#38; &#34;x&#34;").and.contain("a&#60;b&#62;&#38;c").and.contain("&#60;/svg&#62;");
    expect(svg.match(/<\/svg>/g)).to.have.length(1);
    expect(escapeXml("'\"<>&")).to.equal("&#39;&#34;&#60;&#62;&#38;");
    expect(chartSvg([named])).to.equal(chartSvg([named]));
  });
});

describe("bars", () => {
  const bar = (label: string, value: number): Parameters<typeof barsSvg>[0][number] => ({ label, value, text: `${value} ms`, color: 0 });
  const lengths = (svg: string): number[] => [...svg.matchAll(/<rect x="[^"]*" y="[^"]*" width="([^"]*)" height="18" fill="currentColor"/g)].map(([, width]) => Number(width));

  it("are as long as their values", () => {
    expect(lengths(barsSvg([bar("a", 1), bar("b", 2), bar("c", 4)], { title: "t" }))).to.deep.equal([100.8, 200.5, 400]);
  });

  it("are cut, with a gap, where they are more than twelve times the shortest", () => {
    const svg = barsSvg([bar("a", 1), bar("b", 6), bar("<c>", 500)], { title: "t" });
    expect(lengths(svg)[2]).to.equal(400);
    expect(lengths(svg)[1]).to.be.closeTo(200, 1);
    expect(svg.match(/class="paper"/g)).to.have.length(2);                                  // of the picture, and of one gap
    expect(svg).to.include("&#60;c&#62;");
  });

  it("may be none, or of nothing", () => {
    expect(barsSvg([], { title: "t" })).not.to.match(/NaN|Infinity/);
    expect(lengths(barsSvg([bar("a", 0), bar("b", 0)], { title: "t" }))).to.deep.equal([1, 1]);
  });
});
