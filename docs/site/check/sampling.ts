/** The figure of chapter 10: the samples are the library's in Node, the parts of a step add up, keys go back and forth, deviations fit. */
import { expect } from "chai";
import { openDevice } from "@fromnoise/tensor";
import { discreteProcess } from "@fromnoise/diffusion";
import { sampling, type Choices } from "../figures/math/sampling.js";
import { expectAsInNode } from "./as-in-node.js";
import type { Check } from "./check.js";
import { setAndRead } from "./resting.js";

type Pair = [number, number];
interface Shown extends Choices {
  step: number; phase: string; xt: Pair; x0: Pair; mean: Pair; noise: Pair; next: Pair; samples: number[]; sd: number; predictedSd?: number;
}

export const check: Check = async (figure, thorough) => {
  const device = await openDevice("reference"), process = discreteProcess({ name: "scaled-linear", timesteps: 100 });
  const runs: Choices[] = [
    { data: "clusters", sampler: "ddim", steps: 10, eta: 0.5, variance: "fixed-small", clip: true },
    { data: "gaussian", sampler: "ancestral", steps: 21, eta: 0, variance: "exact", clip: false },
  ];
  for (const choices of thorough ? runs : runs.slice(0, 1)) {
    const shown = await setAndRead<Shown>(figure, { ...choices, step: 4, phase: "xt" });
    let last: ArrayLike<number> = [], fifth: ArrayLike<number> = [], i = 0;
    for await (const step of sampling(choices, process, device, 200)) {
      if (i++ === 4) fifth = step.xt;
      last = step.next;
    }
    expectAsInNode(shown.samples, Array.from(last), `samples of ${choices.sampler}`);
    expectAsInNode(shown.xt, [fifth[6], fifth[7]], "x_t of the fifth step");
    for (const axis of [0, 1]) expect(shown.mean[axis] + shown.noise[axis], "mean + sigma z").to.be.closeTo(shown.next[axis], 1e-12);
    if (choices.variance === "exact") expect(Math.abs(shown.sd - shown.predictedSd!) / shown.predictedSd! * Math.sqrt(800), "standard errors").to.be.below(3);
  }
  await device.dispose();

  await figure.root.getByRole("button", { name: /next/ }).focus();
  const phases: string[] = [];
  for (const key of ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"]) {
    await figure.page.keyboard.press(key);
    const { step, phase } = await figure.read() as unknown as Shown;
    phases.push(`${step} ${phase}`);
  }
  expect(phases).to.deep.equal(["4 x0", "4 mean", "4 noise", "4 next", "5 xt", "4 next"]);
  await setAndRead<Shown>(figure, { data: "clusters", sampler: "ancestral", variance: "fixed-small", steps: 20, step: 8, phase: "x0" });
  return thorough ? "two runs as in Node, keys back and forth" : "a run as in Node, keys back and forth";
};
