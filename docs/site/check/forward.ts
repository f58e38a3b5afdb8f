/** The figure of chapter 1: x_t to the bit as in Node, walkers within 3 standard errors of equation 4, drawing and keys. */
import { expect } from "chai";
import type { Page } from "playwright-core";
import { openDevice, randomNormal, Random, tensor } from "@fromnoise/tensor";
import { discreteProcess, qSample } from "@fromnoise/diffusion";
import type { Moments } from "../figures/math/forward.js";
import { atRest, read, setAndRead, type Driven } from "./checking.js";

interface Shown { t: number; strokes: unknown[]; xt: number[]; x0Image: number[]; logSnr: number; walkers: Moments }

export async function check(page: Page, handle: Driven): Promise<void> {
  const device = await openDevice("reference");
  for (const [name, t] of [["cosine", 600], ["linear", 250]] as const) {
    const shown = await setAndRead<Shown>(page, handle, { schedule: name, t });
    const options = { device, dtype: "f64", shape: [1, 28, 28, 1] } as const, process = discreteProcess({ name, timesteps: 1000 });
    const xt = qSample(tensor(shown.x0Image, options), process.at(t), randomNormal(options.shape, new Random(7), options));
    expect(shown.xt, `x_t of ${name} at ${t}`).to.deep.equal(Array.from(await xt.data()));
    expect(shown.logSnr).to.equal(Math.log(process.schedule.snr[t]));
    for (const [what, error] of Object.entries(shown.walkers.errors)) expect(Math.abs(error), `walkers' ${what} in standard errors`).to.be.below(3);
  }
  await device.dispose();

  const time = page.locator('[data-figure="forward"] input[type="range"], #f input[type="range"]').first();
  await time.focus();
  await page.keyboard.press("ArrowRight");
  expect((await read<Shown>(handle)).t, "t after a key").to.equal(251);

  const pad = page.locator("canvas").first(), box = (await pad.boundingBox())!;
  await page.mouse.move(box.x + 20, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + 80, box.y + 90, { steps: 4 });
  await page.mouse.up();
  const drawn = await atRest<Shown>(page, handle);
  expect(drawn.strokes, "strokes after the first").to.have.length(1);
  expect(Math.max(...drawn.x0Image), "ink").to.equal(1);
}
