/** The figure of chapter 2: the score under the pointer is the numeric gradient of log q, and eps* is -sqrt(1 - alphaBar) times it. */
import { expect } from "chai";
import { numericScore, type Point } from "../figures/math/score.js";
import type { Check } from "./check.js";
import { atRest, setAndRead } from "./resting.js";

interface Shown { t: number; points: Point[]; xt: Point; x0: Point; eps: Point; score: Point; posterior: number[]; alpha: number; sigma: number }

export const check: Check = async (figure, thorough) => {
  for (const [t, x, y] of [[5, -1, 0.1], [40, 0.1, 0.3], [60, 1.5, -1.2], [99, 0, 0]]) {
    const { points, xt, x0, eps, score, posterior, alpha, sigma } = await setAndRead<Shown>(figure, { t, x, y });
    const numeric = numericScore(xt, points, { alpha, sigma });
    for (const axis of [0, 1]) {
      expect(score[axis], `score at t = ${t}`).to.be.closeTo(numeric[axis], 1e-6 * (1 + Math.abs(numeric[axis])));
      expect(eps[axis]).to.be.closeTo(-sigma * numeric[axis], 1e-6);
      expect(x0[axis], "the guess").to.be.closeTo(posterior.reduce((sum, r, i) => sum + r * points[i][axis], 0), 1e-9);
    }
    expect(posterior.reduce((sum, r) => sum + r, 0)).to.be.closeTo(1, 1e-12);
  }
  if (!thorough) return "score and posterior at 4 places";
  const plane = figure.root.locator("canvas").first(), box = (await plane.boundingBox())!;
  await figure.page.mouse.move(box.x + box.width / 2, box.y + box.height / 4);
  const { xt } = await atRest<Shown>(figure);
  expect(xt[0], "x under the pointer").to.be.closeTo(0, 0.02);
  expect(xt[1], "y under the pointer").to.be.closeTo(1.1, 0.02);
  const more = await setAndRead<Shown>(figure, { points: [[-1, 0], [1, 0]], x: 0, y: 0.4, t: 30 });
  expect(more.posterior, "in the middle of two points").to.deep.equal([0.5, 0.5]);
  const put = figure.root.getByRole("button", { name: "a data point at x_t" });
  await put.focus();
  await figure.page.keyboard.press("Enter");
  expect((await atRest<Shown>(figure)).points, "a point by keys").to.deep.equal([[-1, 0], [1, 0], [0, 0.4]]);
  return "score and posterior at 4 places, the pointer, other points, one more by keys";
};
