import { join } from "node:path";
import { readImage } from "@fromnoise/diffusion/node";
import { DigitsTraining } from "../figures/shared/training.js";
import { site } from "../markdown/pages.js";
import { hold, type Check } from "./check.js";

/** Steps that are compared with Node's. */
const STEPS = 4;

/** What Node trains in so many steps: the bits of the weights and of the samples, and the losses. */
async function inNode(): Promise<{ weights: string; samples: string; losses: number[] }> {
  const plan = { device: "wasm:deterministic,threads=1", prediction: "v", steps: 600, seed: 0 } as const;
  const training = await DigitsTraining.open(plan, readImage(join(site, "figures/recorded/digits.png")));
  const losses: number[] = [];
  for (let step = 0; step < STEPS; step++) losses.push((await training.step()).loss);
  const told = { weights: await training.digest(), samples: (await training.draw(undefined, 0)).digest, losses };
  await training.dispose();
  return told;
}

/** Steps by hand have Node's bits; a run learns, rests when asked, and keeps its network; a GPU is tried when it is chosen. */
export const check: Check = async (figure, thorough) => {
  const { root } = figure;
  hold((await figure.read())["phase"] === "new", "something runs before anyone asked");
  if (!thorough) return "waits";
  const press = (name: string): Promise<void> => root.getByRole("button", { name, exact: true }).click();
  await root.locator("select").first().selectOption("wasm:deterministic");
  for (let step = 1; step <= STEPS; step++) {
    await press("One step");
    await figure.until(`step ${step}`, (now) => now["phase"] === "resting" && now["step"] === step);
  }
  const [page, node] = [await figure.read(), await inNode()];
  for (const what of ["weights", "samples"] as const) hold(page[what] === node[what], `${what}: ${page[what]} in the page, ${node[what]} in Node`);
  hold(JSON.stringify(page["losses"]) === JSON.stringify(node.losses), `losses ${page["losses"]} in the page, ${node.losses} in Node`);

  await figure.set({ device: "wasm", prediction: "eps", command: "run" });
  const early = await figure.until("10 steps", ({ step }) => (step as number) >= 10);
  await figure.until("60 steps", ({ step }) => (step as number) >= 60, 180_000);
  await press("Pause");
  const rested = await figure.until("rest", ({ phase }) => phase === "resting");
  await figure.page.waitForTimeout(300);
  hold((await figure.read())["step"] === rested["step"], "steps go on after Pause");
  hold((rested["average"] as number) < 0.8 * (early["losses"] as number[])[0], `the loss fell to ${rested["average"]} only`);
  const buckets = rested["buckets"] as number[];
  hold(buckets[0] > buckets[9], "predicting noise is not harder where there is little of it");
  await press("3");
  const drawn = await figure.until("threes of the kept network", ({ samples }) => samples !== rested["samples"]);
  hold(drawn["samplesAt"] === rested["step"], "the samples are not of the network at rest");

  await press("Forget it");
  const gone = await figure.read();
  hold(gone["step"] === 0 && gone["samples"] === "" && gone["phase"] === "new", "something of the last network stays on show");
  const chosen = await gpu(figure);
  return `${STEPS} steps: weights ${node.weights} in the page and in Node; ${rested["step"]} steps, loss ${(rested["average"] as number).toFixed(3)}; ${chosen}`;
};

/** WebGL 2 of this browser: a few steps where it is there, a line that says what is missing where it is not. */
async function gpu(figure: Parameters<Check>[0]): Promise<string> {
  await figure.root.locator("select").first().selectOption("gpu:webgl2");
  const chosen = await figure.until("a verdict on WebGL 2", ({ device, message }) => device === "gpu:webgl2" || message !== "");
  if (chosen["message"] !== "") return String(chosen["message"]);
  await figure.set({ command: "step" });
  const stepped = await figure.until("a step on WebGL 2", ({ phase, step }) => phase === "failed" || (phase === "resting" && step === 1), 240_000);
  hold(stepped["phase"] === "resting", `WebGL 2: ${stepped["message"]}`);
  await figure.set({ command: "anew", device: "wasm" });
  return `one step on ${stepped["on"]}, loss ${(stepped["loss"] as number).toFixed(2)}`;
}
