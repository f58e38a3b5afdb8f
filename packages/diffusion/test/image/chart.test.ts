import { expect } from "chai";
import { linearAxis, logAxis } from "../../src/image/axis.js";
import { Canvas } from "../../src/image/canvas.js";
import { forEachTextPixel, textWidth } from "../../src/image/font.js";
import { chartBitmap, chartSvg } from "../../src/image/node/index.js";

const labels = (axis: { ticks: readonly { label: string }[] }): string[] => axis.ticks.map((tick) => tick.label);

describe("axes", () => {
  it("have ticks at 1, 2 or 5 times a power of ten", () => {
    expect(labels(linearAxis(0, 1, 5))).to.deep.equal(["0", "0.2", "0.4", "0.6", "0.8", "1"]);
    expect(labels(linearAxis(-3, 17, 4))).to.deep.equal(["0", "5", "10", "15"]);
    expect(labels(linearAxis(1, 20000, 8))).to.deep.equal(["5k", "10k", "15k", "20k"]);
    expect(labels(linearAxis(0, 2.5e6, 5))).to.deep.equal(["0", "0.5M", "1M", "1.5M", "2M", "2.5M"]);
    expect(labels(linearAxis(0.0301, 0.0349, 5))).to.deep.equal(["0.031", "0.032", "0.033", "0.034"]);
    expect(labels(linearAxis(0, 4e-5, 4))).to.deep.equal(["0", "1e-5", "2e-5", "3e-5", "4e-5"]);
  });

  it("widen a range without length", () => {
    const axis = linearAxis(5, 5, 4);
    expect(axis.position(5)).to.equal(0.5);
    expect(labels(axis)).to.deep.equal(["4.5", "5", "5.5"]);
  });

  it("go by powers of ten on a logarithmic scale, finer where there is room", () => {
    expect(labels(logAxis(0.01, 1, 8))).to.deep.equal(["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
    expect(labels(logAxis(1e-6, 1, 8))).to.deep.equal(["1e-6", "1e-5", "0.0001", "0.001", "0.01", "0.1", "1"]);
    expect(labels(logAxis(0.03, 0.05, 4))).to.deep.equal(["0.03", "0.035", "0.04", "0.045", "0.05"]);
    const axis = logAxis(0.01, 1, 8);
    expect([0.01, 0.1, 1].map((v) => axis.position(v))).to.deep.equal([0, 0.5, 1]);
  });
});

describe("charts", () => {
  const x = Array.from({ length: 100 }, (_, i) => i);
  const falling = { name: "loss", x, y: x.map((i) => Math.exp(-i / 20)) };
  const polyline = (svg: string): number[][] => {
    const found = [...svg.matchAll(/<polyline points="([^"]*)"/g)].map((m) => m[1].split(" ").map(Number));
    return found.filter((points) => points.length > 4);  // the others belong to the legend
  };

  it("draw the curve from the first to the last point of the frame", () => {
    const [points] = polyline(chartSvg([falling], { window: 1, width: 960, height: 540 }));
    expect(points).to.have.length(200);
    expect([points[0], points[198]]).to.deep.equal([84, 932]);
    for (let i = 3; i < 200; i += 2) expect(points[i]).to.be.greaterThan(points[i - 2] - 0.11);
  });

  it("make an exponential a straight line with logY", () => {
    const [points] = polyline(chartSvg([falling], { window: 1, logY: true }));
    const slope = (i: number): number => points[2 * i + 3] - points[2 * i + 1];
    for (let i = 1; i < 99; i++) expect(slope(i)).to.be.closeTo(slope(0), 0.21);
  });

  it("smooth by the mean of the window and keep the raw points", () => {
    const zigzag = { name: "a", x, y: x.map((i) => i % 2) };
    const svg = chartSvg([zigzag], { window: 5 });
    expect(svg).to.contain("a, mean of 5");
    expect([...svg.matchAll(/M[\d.]+ [\d.]+h0/g)]).to.have.length(100);
    const [points] = polyline(svg);
    const bottom = 540 - 74, top = 64, height = bottom - top, at = (v: number): number => bottom - height * ((v + 0.05) / 1.1);
    expect(points[2 * 10 + 1]).to.be.closeTo(at(2 / 5), 0.06);  // 0 1 0 1 0 around an even step
    expect(points[2 * 11 + 1]).to.be.closeTo(at(3 / 5), 0.06);
    expect(points[1]).to.be.closeTo(at(1 / 3), 0.06);           // 0 1 0 at the start
  });

  it("leave out points that cannot be drawn", () => {
    const gaps = { name: "a", x: [0, 1, 2, 3, 4], y: [1, NaN, 0, Infinity, 2] };
    expect(polyline(chartSvg([gaps], { window: 1, logY: false }))[0]).to.have.length(6);
    expect(chartSvg([gaps], { window: 1, logY: true })).not.to.match(/NaN|Infinity/);
  });

  it("draw an empty chart, a single point, and a hundred thousand points", () => {
    expect(chartSvg([])).to.contain("no data yet");
    expect(chartSvg([{ name: "a", x: [7], y: [0.5] }])).to.match(/M508 265h0/);
    const many = { name: "a", x: Array.from({ length: 100000 }, (_, i) => i), y: new Float64Array(100000).fill(1) };
    expect(chartSvg([many]).length).to.be.lessThan(60000);
  });

  it("escape names", () => {
    expect(chartSvg([{ ...falling, name: "t < 250 & \"x\"" }])).to.contain("t &#60; 250 &#38; &#34;x&#34;");
  });

  it("show every series in its own colour as a bitmap, on white", () => {
    const second = { name: "other", x, y: x.map((i) => 1 - i / 100) };
    const { width, height, channels, data } = chartBitmap([falling, second], { title: "Loss", width: 640, height: 360 });
    expect([width, height, channels, data.length]).to.deep.equal([640, 360, 3, 640 * 360 * 3]);
    const count = (r: number, g: number, b: number): number => {
      let n = 0;
      for (let p = 0; p < data.length; p += 3) if (data[p] === r && data[p + 1] === g && data[p + 2] === b) n++;
      return n;
    };
    expect(count(0x1f, 0x6f, 0xeb)).to.be.greaterThan(200);
    expect(count(0xd9, 0x48, 0x0f)).to.be.greaterThan(200);
    expect(count(255, 255, 255)).to.be.greaterThan(640 * 360 * 0.9);
  });
});

describe("the canvas", () => {
  it("covers pixels by their distance from a line", () => {
    const canvas = new Canvas(5, 3, 1);
    canvas.line([-9, 1.5, 9, 1.5], 1, "#000000");
    expect([...canvas.bitmap().data]).to.deep.equal([255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255]);
    const thick = new Canvas(1, 3, 1);
    thick.line([-9, 1.5, 9, 1.5], 2, "#000000");
    expect([...thick.bitmap().data]).to.deep.equal([128, 0, 128]);
  });

  it("does not darken where dots of one series overlap", () => {
    const canvas = new Canvas(1, 1, 3);
    canvas.dots([0.5, 0.5, 0.5, 0.5], 4, "#000000", 0.4);
    expect([...canvas.bitmap().data]).to.deep.equal([153, 153, 153]);
  });

  it("draws text of a 5x7 font, two pixels a dot", () => {
    const canvas = new Canvas(textWidth("F1"), 14, 1);
    canvas.text("F1", 0, 14, "start", "#000000");
    const picture = Array.from({ length: 7 }, (_, row) =>
      Array.from({ length: 11 }, (_, column) => (canvas.bitmap().data[2 * row * 22 + 2 * column] === 0 ? "#" : ".")).join(""));
    expect(picture).to.deep.equal([
      "#####...#..", "#......##..", "#.......#..", "####....#..", "#.......#..", "#.......#..", "#......###.",
    ]);
  });

  it("has a glyph for every character of a caption, and a box for others", () => {
    const shape = (char: string): string => {
      const squares: string[] = [];
      forEachTextPixel(char, (x, y) => squares.push(`${x},${y}`));
      return squares.join(" ");
    };
    const box = shape("\u20ac");
    const known = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:;-+=()[]/%_'\"!?*#<>^&|"];
    const shapes = known.map(shape);
    expect(new Set([...shapes, box]).size).to.equal(known.length + 1);
    expect(shapes.every((s) => s.length > 0)).to.equal(true);
    expect(box).not.to.equal("");
  });
});
