/**
 * The page: asks the worker to train, draws the loss and shows the samples it is sent. `?demo=digits&device=wasm&steps=100` fills
 * in the form, `&start` presses the button; `&batch=`, `&channels=8,16`, `&samples=4` and `&samplesteps=` make the digits lighter
 * for slow machines.
 */
import type { DigitsOptions } from "./digits.js";
import { drawLoss } from "./draw.js";
import type { News, Order } from "./messages.js";

const element = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;
const form = element<HTMLFormElement>("form");
const field = (name: string): HTMLInputElement => form.elements.namedItem(name) as HTMLInputElement;
const [demoField, deviceField, stepsField, startButton, stopButton] = ["demo", "device", "steps", "start", "stop"].map(field);
const query = new URLSearchParams(location.search);

/** What a test looks at. */
const page = { state: "waiting" as "waiting" | "training" | "done" | "failed", losses: [] as number[] };
Object.assign(window, { page });

let worker: Worker | undefined;
let steps = 0;
let started = 0;

function start(): void {
  const order: Order = {
    demo: demoField.value as Order["demo"], device: deviceField.value, steps: stepsField.valueAsNumber, digits: digitsOptions(),
  };
  steps = order.steps;
  page.losses = [];
  enter("training");
  element("error").textContent = "";
  element("device").textContent = "";
  element("status").textContent = "Opening the device ...";
  worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<News>) => hear(data);
  worker.onerror = (event) => hear({ kind: "failed", message: event.message });
  worker.postMessage(order);
}

/** Ends the worker, and with it its threads and all it holds. */
function stop(state: "done" | "failed"): void {
  worker?.terminate();
  drawProgress();
  enter(state);
}

function hear(news: News): void {
  switch (news.kind) {
    case "opened":
      element("device").textContent = news.description;
      element("caption").textContent = news.caption;
      started = performance.now();
      break;
    case "step":
      if (page.losses.push(news.loss) === 1) requestAnimationFrame(keepDrawing);
      break;
    case "samples": {
      const canvas = element<HTMLCanvasElement>("samples");
      Object.assign(canvas, { width: news.picture.width, height: news.picture.height });
      canvas.getContext("2d")!.drawImage(news.picture, 0, 0);
      element("after").textContent = `after step ${news.step}`;
      break;
    }
    case "done":
      stop("done");
      break;
    case "failed":
      element("error").textContent = news.message;
      stop("failed");
  }
}

/** Draws at most a few times a second: the curve of a thousand steps takes some milliseconds. */
function keepDrawing(): void {
  if (page.state !== "training") return;
  drawProgress();
  setTimeout(() => requestAnimationFrame(keepDrawing), 150);
}

function drawProgress(): void {
  const done = page.losses.length;
  if (done === 0) return;
  drawLoss(element<HTMLCanvasElement>("loss"), page.losses);
  const rate = done / ((performance.now() - started) / 1000);
  const loss = page.losses.at(-1)!.toFixed(4);
  element("status").textContent = `Step ${done} of ${steps} · loss ${loss} · ${rate.toFixed(1)} steps/s`;
  element<HTMLProgressElement>("progress").value = done / steps;
}

function enter(state: typeof page.state): void {
  page.state = state;
  [startButton.disabled, stopButton.disabled] = [state === "training", state !== "training"];
  if (state === "training") element<HTMLProgressElement>("progress").value = 0;
}

function digitsOptions(): DigitsOptions {
  const options: DigitsOptions = {};
  if (query.has("batch")) options.batch = Number(query.get("batch"));
  if (query.has("channels")) options.channels = query.get("channels")!.split(",").map(Number) as [number, number];
  if (query.has("samples")) options.samples = Number(query.get("samples"));
  if (query.has("samplesteps")) options.sampleSteps = Number(query.get("samplesteps"));
  return options;
}

/** As many steps as the demo needs. */
function suggestSteps(): void {
  stepsField.value = demoField.value === "points" ? "3000" : "1500";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
stopButton.addEventListener("click", () => stop("done"));
demoField.addEventListener("change", suggestSteps);
element("isolated").hidden = crossOriginIsolated;

if (query.has("demo")) demoField.value = query.get("demo")!;
suggestSteps();
for (const { name } of [deviceField, stepsField]) if (query.has(name)) field(name).value = query.get(name)!;
if (query.has("start")) form.requestSubmit();
