/** What stands on the site's canvas of samples, measured: whether it resembles the data or noise. */
import { Random } from "@fromnoise/tensor";
import type { Page } from "playwright-core";
import type { Outcome } from "./report.js";

type Point = readonly [x: number, y: number];

/** The middle line of the spiral that the points demo learns (site/points.ts). */
const spiral: readonly Point[] = Array.from({ length: 400 }, (_, i) => {
  const radius = 0.3 + 1.7 * i / 399;
  return [radius * Math.cos(1.5 * Math.PI * radius), radius * Math.sin(1.5 * Math.PI * radius)];
});

const distance = ([x, y]: Point, points: readonly Point[]): number => Math.min(...points.map(([u, v]) => Math.hypot(x - u, y - v)));
const meanDistance = (from: readonly Point[], to: readonly Point[]): number =>
  from.reduce((sum, point) => sum + distance(point, to), 0) / from.length;

/** Sampled points lie all along the spiral, and at most at the share `most` of the distance from it at which noise lies. */
export async function spiralIsDrawn(page: Page, most: number): Promise<Outcome> {
  const blue = await page.evaluate(() => {
    const canvas = document.getElementById("samples") as HTMLCanvasElement;
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, width, height);
    const points: [number, number][] = [];
    for (let y = 0; y < height; y += 2) {
      for (let x = 0; x < width; x += 2) {
        const at = 4 * (y * width + x);
        if (data[at] === 0x1f && data[at + 1] === 0x6f && data[at + 2] === 0xeb) points.push([5 * (x / width - 0.5), 5 * (0.5 - y / height)]);
      }
    }
    return points;
  });
  if (blue.length === 0) return { measured: "", failures: ["no point is drawn"] };
  const values = new Random(4).normal(2000);
  const noise = Array.from({ length: 1000 }, (_, i): Point => [values[2 * i], values[2 * i + 1]]);
  const [away, ofNoise] = [meanDistance(blue, spiral), meanDistance(noise, spiral)];
  const reached = spiral.filter((point) => distance(point, blue) < 0.1).length / spiral.length;
  const failures: string[] = [];
  if (!(away < most * ofNoise)) failures.push("the samples are too far from the spiral");
  if (!(reached > 0.8)) failures.push("the samples leave out parts of the spiral");
  const measured = `${away.toFixed(3)} from the spiral, noise ${ofNoise.toFixed(3)}; ${(100 * reached).toFixed(0)} % of it reached`;
  return { measured, failures };
}

/** Pixels of a sample, pixels of the canvas for each, and between samples (site/digits.ts). */
const SIDE = 16, SCALE = 6, GAP = 4;

/** Strokes: neighbouring pixels are alike, by a correlation of at least `least`, where in noise it is about 0. */
export async function strokesAreDrawn(page: Page, count: number, least: number): Promise<Outcome> {
  const samples = await page.evaluate(({ side, scale, gap, count: n }) => {
    const canvas = document.getElementById("samples") as HTMLCanvasElement;
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, width, height);
    const step = side * scale + gap;
    const columns = Math.min(6, n);
    return Array.from({ length: n }, (_, k) => Array.from({ length: side * side }, (__, i) => {
      const x = gap + k % columns * step + i % side * scale + scale / 2;
      const y = gap + Math.floor(k / columns) * step + Math.floor(i / side) * scale + scale / 2;
      return data[4 * (y * width + x)];
    }));
  }, { side: SIDE, scale: SCALE, gap: GAP, count });
  const alike = neighbours(samples);
  return { measured: `correlation of neighbouring pixels ${alike.toFixed(2)}`, failures: alike > least ? [] : ["the samples look like noise"] };
}

/** Correlation of every pixel with the one to its right, over all samples. */
function neighbours(samples: readonly number[][]): number {
  const all = samples.flat();
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  const variance = all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length;
  let [sum, pairs] = [0, 0];
  for (const sample of samples) {
    for (let i = 0; i < sample.length; i++) {
      if (i % SIDE === SIDE - 1) continue;
      sum += (sample[i] - mean) * (sample[i + 1] - mean);
      pairs++;
    }
  }
  return sum / pairs / variance;
}
