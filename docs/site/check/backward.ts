/** The figure of chapter 5: every right backward passes, every planted bug turns red, the curve is a V, and what is typed is checked. */
import { expect } from "chai";
import { OPERATIONS, type OperationName } from "../figures/math/backward.js";
import type { Check } from "./check.js";
import { atRest, setAndRead } from "./resting.js";

interface Shown { pass?: boolean; error?: number; color: string; problem?: string; curve: { step: number; error: number }[]; analytic: number[]; numeric: number[] }

export const check: Check = async (figure, thorough) => {
  if (!thorough) {
    expect((await atRest<Shown>(figure)).pass, "the right one").to.equal(true);
    expect((await setAndRead<Shown>(figure, { code: OPERATIONS.normalise.bugs["a sign"] })).color, "a bug").to.contain("red");
    return "right is green, a bug is red";
  }
  for (const [operation, { code, bugs }] of Object.entries(OPERATIONS) as [OperationName, (typeof OPERATIONS)[OperationName]][]) {
    const right = await setAndRead<Shown>(figure, { operation, code });
    expect(right.pass, operation).to.equal(true);
    expect(right.color).to.contain("green");
    const error = (step: number): number => right.curve.find((point) => Math.abs(point.step / step - 1) < 1e-9)!.error;
    expect(error(0.1), "at a large step").to.be.above(1e-5);
    expect(error(1e-5), "in the valley").to.be.below(1e-8);
    expect(error(1e-13), "at a tiny step").to.be.above(1e-5);
    for (const [what, wrong] of Object.entries<string>(bugs)) {
      const shown = await setAndRead<Shown>(figure, { operation, code: wrong });
      expect(shown.pass, `${operation}: ${what}`).to.equal(false);
      expect(shown.color).to.contain("red");
      expect(Math.min(...shown.curve.map((point) => point.error)), "no valley").to.be.above(1e-4);
    }
  }
  const editor = figure.root.locator("textarea");
  await editor.fill("return dy");
  expect((await atRest<Shown>(figure)).pass, "dy for dx").to.equal(false);
  await editor.fill("return multiply(dy,");
  expect((await atRest<Shown>(figure)).problem, "half a line").to.be.a("string");
  await figure.root.getByRole("button", { name: "the right one" }).click();
  expect((await atRest<Shown>(figure)).pass).to.equal(true);
  const flat = await setAndRead<Shown>(figure, { operation: "normalise", code: OPERATIONS.normalise.bugs["one mean forgotten"] });
  expect(flat.pass).to.equal(false);
  return "3 right ones pass with a V, 7 bugs turn red, and what is typed is checked";
};
