/** The figure of chapter 4: the loss is floor + distance + cross term and as in Node, arrows come in order, own data trains. */
import { expect } from "chai";
import { CENTRES, PointTraining, type Arrow, type Parts } from "../figures/math/points.js";
import { expectAsInNode } from "./as-in-node.js";
import type { Check } from "./check.js";
import { atRest, setAndRead } from "./resting.js";

interface Shown extends Parts { step: number; measuredAt: number; arrow?: Arrow; at?: number; arrows: number; own: unknown[]; samples: number }

export const check: Check = async (figure, thorough) => {
  await setAndRead<Shown>(figure, { data: "moons" });
  const first = await atRest<Shown>(figure), node = await PointTraining.start(CENTRES.moons);
  const { loss, floor, distance, cross } = first;
  expectAsInNode({ loss, floor, distance, cross }, await node.parts(), "before training, as in Node");
  expect(loss - floor - distance - cross, "what the parts leave").to.be.closeTo(0, 1e-12);
  expect(floor).to.be.within(0.05, 0.5);

  if (!thorough) {
    await node.dispose();
    return "loss = floor + distance + cross term";
  }
  const next = figure.root.getByRole("button", { name: /next arrow/ }), phases: string[] = [];
  await next.click();
  const { arrows } = await atRest<Shown>(figure);
  for (let i = 0; i < arrows; i++) {
    const { arrow, at } = await figure.read() as unknown as Shown;
    expect(at).to.equal(i);
    if (phases.at(-1) !== arrow!.phase) phases.push(arrow!.phase);
    if (i + 1 < arrows) await next.click();
  }
  expect(phases).to.deep.equal(["noise", "forward", "loss", "backward", "value", "adam"]);
  expect(await figure.root.locator('[aria-current="step"]').textContent()).to.equal("Adam");
  await node.step();
  await figure.root.getByRole("button", { name: "one step" }).click();
  await node.step();
  const second = await atRest<Shown>(figure);
  expect(second.step).to.equal(2);
  expectAsInNode([second.loss], [(await node.parts()).loss], "after two steps, as in Node");
  await node.dispose();

  await figure.root.getByRole("button", { name: "train", exact: true }).click();
  await figure.until("200 steps", ({ measuredAt, samples }) => Number(measuredAt) >= 200 && samples === 400);
  const trained = await setAndRead<Shown>(figure, { training: false });
  expect(trained.loss, "after 200 steps").to.be.below(0.6 * loss);
  expect(trained.loss - trained.floor - trained.distance - trained.cross).to.be.closeTo(0, 1e-12);
  expect(trained.samples).to.equal(400);

  await setAndRead<Shown>(figure, { data: "own" });
  const box = (await figure.root.locator("canvas").first().boundingBox())!;
  await figure.page.mouse.move(box.x + 60, box.y + 60);
  await figure.page.mouse.down();
  await figure.page.mouse.move(box.x + 160, box.y + 120, { steps: 6 });
  await figure.page.mouse.up();
  const own = await atRest<Shown>(figure);
  expect(own.own.length, "points drawn").to.be.above(4);
  expect(own.loss).to.be.above(own.floor);
  await figure.root.getByRole("button", { name: "start again" }).click();
  await figure.root.locator("canvas").first().focus();
  for (const key of ["Enter", "Enter", "Shift+ArrowUp", "Shift+ArrowRight", "Space", "Shift+ArrowRight", "Space", "ArrowLeft"]) await figure.page.keyboard.press(key);
  const typed = await atRest<Shown>(figure);
  const places = (typed.own as number[][]).map((point) => point.map((v) => Math.round(100 * v) / 100));
  expect(places, "points by keys").to.deep.equal([[0, 0], [0.44, 0.44], [0.88, 0.44]]);
  await setAndRead<Shown>(figure, { data: "spiral" });
  await next.click();
  await next.click();
  return "the parts of the loss as in Node, 17 arrows in order, 200 steps, data of one's own by pointer and by keys";
};
