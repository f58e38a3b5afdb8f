/** The figure of chapter 5: every right backward passes, every planted bug turns red, the curve is a V, and what is typed is checked. */
import { expect } from "chai";
import type { Page } from "playwright-core";
import { OPERATIONS, type OperationName } from "../figures/math/backward.js";
import { atRest, setAndRead, type Driven } from "./checking.js";

interface Shown { pass?: boolean; error?: number; color: string; problem?: string; curve: { step: number; error: number }[]; analytic: number[]; numeric: number[] }

export async function check(page: Page, handle: Driven): Promise<void> {
  for (const [operation, { code, bugs }] of Object.entries(OPERATIONS) as [OperationName, (typeof OPERATIONS)[OperationName]][]) {
    const right = await setAndRead<Shown>(page, handle, { operation, code });
    expect(right.pass, operation).to.equal(true);
    expect(right.color).to.contain("green");
    const error = (step: number): number => right.curve.find((point) => Math.abs(point.step / step - 1) < 1e-9)!.error;
    expect(error(0.1), "at a large step").to.be.above(1e-5);
    expect(error(1e-5), "in the valley").to.be.below(1e-8);
    expect(error(1e-13), "at a tiny step").to.be.above(1e-5);
    for (const [what, wrong] of Object.entries<string>(bugs)) {
      const shown = await setAndRead<Shown>(page, handle, { operation, code: wrong });
      expect(shown.pass, `${operation}: ${what}`).to.equal(false);
      expect(shown.color).to.contain("red");
      expect(Math.min(...shown.curve.map((point) => point.error)), "no valley").to.be.above(1e-4);
    }
  }
  const editor = page.locator("textarea");
  await editor.fill("return dy");
  expect((await atRest<Shown>(page, handle)).pass, "dy for dx").to.equal(false);
  await editor.fill("return multiply(dy,");
  expect((await atRest<Shown>(page, handle)).problem, "half a line").to.be.a("string");
  await page.getByRole("button", { name: "the right one" }).click();
  expect((await atRest<Shown>(page, handle)).pass).to.equal(true);
  const flat = await setAndRead<Shown>(page, handle, { operation: "normalise", code: OPERATIONS.normalise.bugs["one mean forgotten"] });
  expect(flat.pass).to.equal(false);
}
