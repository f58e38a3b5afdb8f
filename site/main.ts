/**
 * The page: trains a demo on the GPU, with a live loss curve and samples. `?demo=digits&mode=webgl2&steps=100` fills in the form,
 * `&start` presses the button; `&batch=`, `&channels=8,16,16`, `&samples=4` and `&samplesteps=` make the digits lighter for slow
 * machines.
 */
import { openDevice, type Device } from "@fromnoise/tensor";
import type { Demo } from "./demo.js";
import { digitsDemo, type DigitsOptions } from "./digits.js";
import { drawLoss } from "./draw.js";
import { pointsDemo } from "./points.js";

const element = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;
const form = document.querySelector("form")!;
const [demoField, modeField, stepsField, startButton, stopButton] = ["demo", "mode", "steps", undefined, "stop"].map((name) =>
  (name === undefined ? form.querySelector("button") : form.elements.namedItem(name)) as HTMLInputElement);
const query = new URLSearchParams(location.search);
const loss = element<HTMLCanvasElement>("loss");
const samples = element<HTMLCanvasElement>("samples");

/** What a test looks at. */
const page = { state: "waiting", losses: [] as number[] };
Object.assign(window, { page });

let stopped = false;

function openDemo(device: Device): Demo | Promise<Demo> {
  if (demoField.value === "points") return pointsDemo(device);
  const options: DigitsOptions = {};
  if (query.has("batch")) options.batch = Number(query.get("batch"));
  if (query.has("channels")) options.channels = query.get("channels")!.split(",").map(Number) as [number, number, number];
  if (query.has("samples")) options.samples = Number(query.get("samples"));
  if (query.has("samplesteps")) options.sampleSteps = Number(query.get("samplesteps"));
  return digitsDemo(device, options);
}

async function train(steps: number): Promise<void> {
  page.losses = [];
  element("status").textContent = "Compiling kernels ...";
  const device = await openDevice("gpu", { mode: modeField.value as "webgpu" | "webgl2" });
  element("device").textContent = device.description;
  const demo = await openDemo(device);
  element("caption").textContent = demo.caption;
  try {
    const started = performance.now();
    for (let step = 1; step <= steps && !stopped; step++) {
      page.losses.push(await demo.step());
      if (step % 10 === 0 || step === steps) {
        drawLoss(loss, page.losses);
        const rate = step / ((performance.now() - started) / 1000);
        element("status").textContent = `Step ${step} of ${steps}, loss ${page.losses.at(-1)!.toFixed(4)}, ${rate.toFixed(1)} steps/s`;
        await new Promise(requestAnimationFrame); // let the page draw
      }
      if (step % demo.showEvery === 0 || step === steps) await demo.show(samples);
    }
  } finally {
    demo.dispose();
    await device.dispose();
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  stopped = false;
  page.state = "training";
  element("error").textContent = "";
  [startButton.disabled, stopButton.disabled] = [true, false];
  train(Number(stepsField.value))
    .then(() => { page.state = "done"; })
    .catch((error: unknown) => {
      page.state = "failed";
      element("error").textContent = (error as Error).message;
    })
    .finally(() => { [startButton.disabled, stopButton.disabled] = [false, true]; });
});
stopButton.addEventListener("click", () => { stopped = true; });

for (const field of [demoField, modeField, stepsField]) if (query.has(field.name)) field.value = query.get(field.name)!;
if (query.has("start")) form.requestSubmit();
