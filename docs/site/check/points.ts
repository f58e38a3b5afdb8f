/** The figure of chapter 4: the loss is floor + distance + cross term and Node's to the bit, arrows come in order, own data trains. */
import { expect } from "chai";
import type { Page } from "playwright-core";
import { CENTRES, PointTraining, type Arrow, type Parts } from "../figures/math/points.js";
import { atRest, read, setAndRead, type Driven } from "./checking.js";

interface Shown extends Parts { step: number; measuredAt: number; arrow?: Arrow; at?: number; arrows: number; own: unknown[]; samples: number }

export async function check(page: Page, handle: Driven): Promise<void> {
  await setAndRead<Shown>(page, handle, { data: "moons" });
  const first = await atRest<Shown>(page, handle), node = await PointTraining.start(CENTRES.moons);
  const { loss, floor, distance, cross } = first;
  expect({ loss, floor, distance, cross }, "before training, as in Node").to.deep.equal(await node.parts());
  expect(loss - floor - distance - cross, "what the parts leave").to.be.closeTo(0, 1e-12);
  expect(floor).to.be.within(0.05, 0.5);

  const next = page.getByRole("button", { name: /next arrow/ }), phases: string[] = [];
  await next.click();
  const { arrows } = await atRest<Shown>(page, handle);
  for (let i = 0; i < arrows; i++) {
    const { arrow, at } = await read<Shown>(handle);
    expect(at).to.equal(i);
    if (phases.at(-1) !== arrow!.phase) phases.push(arrow!.phase);
    if (i + 1 < arrows) await next.click();
  }
  expect(phases).to.deep.equal(["noise", "forward", "loss", "backward", "value", "adam"]);
  expect(await page.locator('[aria-current="step"]').textContent()).to.equal("Adam");
  await node.step();
  await page.getByRole("button", { name: "one step" }).click();
  await node.step();
  const second = await atRest<Shown>(page, handle);
  expect(second.step).to.equal(2);
  expect(second.loss, "after two steps, as in Node").to.equal((await node.parts()).loss);
  await node.dispose();

  await page.getByRole("button", { name: "train", exact: true }).click();
  await page.waitForFunction((figure) => Number(figure.read().measuredAt) >= 200, handle, { timeout: 60_000 });
  const trained = await setAndRead<Shown>(page, handle, { training: false });
  expect(trained.loss, "after 200 steps").to.be.below(0.6 * loss);
  expect(trained.loss - trained.floor - trained.distance - trained.cross).to.be.closeTo(0, 1e-12);
  expect(trained.samples).to.equal(400);

  await setAndRead<Shown>(page, handle, { data: "own" });
  const box = (await page.locator("canvas").first().boundingBox())!;
  await page.mouse.move(box.x + 60, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + 160, box.y + 120, { steps: 6 });
  await page.mouse.up();
  const own = await atRest<Shown>(page, handle);
  expect(own.own.length, "points drawn").to.be.above(4);
  expect(own.loss).to.be.above(own.floor);
  await setAndRead<Shown>(page, handle, { data: "spiral" });
  await next.click();
  await next.click();
  await atRest<Shown>(page, handle);
}
