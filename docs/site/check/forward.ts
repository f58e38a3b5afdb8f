/** The figure of chapter 1: x_t to the bit as in Node, walkers within 3 standard errors of equation 4, drawing and keys. */
import { expect } from "chai";
import { openDevice, randomNormal, Random, tensor } from "@fromnoise/tensor";
import { discreteProcess, qSample } from "@fromnoise/diffusion";
import type { Moments } from "../figures/math/forward.js";
import type { Check } from "./check.js";
import { atRest, setAndRead } from "./resting.js";

interface Shown { t: number; strokes: unknown[]; xt: number[]; x0Image: number[]; logSnr: number; walkers: Moments }

export const check: Check = async (figure, thorough) => {
  const device = await openDevice("reference");
  for (const [name, t] of [["cosine", 600], ["linear", 250]] as const) {
    const shown = await setAndRead<Shown>(figure, { schedule: name, t });
    const options = { device, dtype: "f64", shape: [1, 28, 28, 1] } as const, process = discreteProcess({ name, timesteps: 1000 });
    const xt = qSample(tensor(shown.x0Image, options), process.at(t), randomNormal(options.shape, new Random(7), options));
    expect(shown.xt, `x_t of ${name} at ${t}`).to.deep.equal(Array.from(await xt.data()));
    expect(shown.logSnr).to.equal(Math.log(process.schedule.snr[t]));
    for (const [what, error] of Object.entries(shown.walkers.errors)) expect(Math.abs(error), `walkers' ${what} in standard errors`).to.be.below(3);
  }
  await device.dispose();
  if (!thorough) return "x_t to the bit";

  const time = figure.root.locator('input[type="range"]').first();
  await time.focus();
  await figure.page.keyboard.press("ArrowRight");
  expect((await figure.read() as unknown as Shown).t, "t after a key").to.equal(251);

  const pad = figure.root.locator("canvas").first(), box = (await pad.boundingBox())!;
  await figure.page.mouse.move(box.x + 20, box.y + 20);
  await figure.page.mouse.down();
  await figure.page.mouse.move(box.x + 80, box.y + 90, { steps: 4 });
  await figure.page.mouse.up();
  const drawn = await atRest<Shown>(figure);
  expect(drawn.strokes, "strokes after the first").to.have.length(1);
  expect(Math.max(...drawn.x0Image), "ink").to.equal(1);

  await figure.root.getByRole("button", { name: "clear the drawing" }).click();
  await pad.focus();
  for (const key of ["ArrowUp", "Space", "ArrowRight", "Shift+ArrowRight", "Space", "ArrowDown"]) await figure.page.keyboard.press(key);
  const typed = await atRest<Shown>(figure);
  expect(typed.strokes, "strokes by keys").to.deep.equal([[14, 15, 19].map((column) => [column / 28, 13 / 28])]);
  expect(typed.x0Image[13 * 28 + 17], "ink between").to.equal(1);
  expect(await pad.getAttribute("aria-label")).to.match(/arrows move the pen.*It is up, 68 % across, 50 % down/);
  return "x_t to the bit, walkers within 3 standard errors, keys and drawings by pointer and by keys";
};
