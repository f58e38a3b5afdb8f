/** Chapter 9: a U-Net learns digits in the page; its loss by level of noise, its samples, and its bits beside those of Node. */
import type { Figure } from "./figure.js";
import { bars } from "./shared/bars.js";
import { curves } from "./shared/curves.js";
import { PIXELS, SHOWN, type Plan } from "./shared/digits.js";
import { button, choice, make } from "./shared/elements.js";
import { missingForGpu } from "./shared/gpu.js";
import { threadsControl } from "./shared/threads.js";
import { tiles } from "./shared/tiles.js";
import type { TrainNews, TrainOrder } from "./shared/training-worker.js";

export interface TrainState extends Plan {
  /** "run" trains, "pause" rests after the step at hand, "step" computes one, "anew" forgets the network. */
  command: "run" | "pause" | "step" | "anew" | undefined;
  /** Draws ten samples of a class. */
  draw: number | undefined;
}

type Phase = "new" | "opening" | "running" | "resting" | "done" | "failed";

/** The part of an average that a new value does not change. */
const KEEP = 0.95;
/** Milliseconds between two drawings of the curves. */
const REDRAW_MS = 300;
const BUCKETS = 10;

const DEVICES = [
  ["wasm", "CPU (wasm)"], ["wasm:deterministic", "CPU, the bits of Node"], ["gpu:webgpu", "GPU (WebGPU)"], ["gpu:webgl2", "GPU (WebGL 2)"],
] as const;
const PREDICTIONS = [["v", "v"], ["eps", "the noise ε"], ["x0", "the image x0"]] as const;

export function mount(element: HTMLElement, given: Partial<TrainState> = {}): Figure<TrainState> {
  const plan = { device: "wasm", prediction: "v", steps: 600, seed: 0, ...given } as { -readonly [K in keyof Plan]: Plan[K] };
  let phase: Phase = "new";
  let worker: Worker | undefined;
  let losses: number[] = [], smooth: number[] = [];
  let buckets: (number | undefined)[] = [];
  let device = "", weights = "", samples = "", samplesAt = 0, rate = 0, parameters = 0;
  let timer: ReturnType<typeof setTimeout> | undefined, seen = true;

  const main = button("Train", () => command(phase === "running" ? "pause" : "run"), { class: "primary" });
  const one = button("One step", () => command("step"));
  const anew = button("Forget it", () => command("anew"), { disabled: true });
  const devices = choice("on", DEVICES, (value) => void choose(value));
  const predictions = choice("the network says", PREDICTIONS, (value) => set({ prediction: value as Plan["prediction"] }));
  const steps = make("input", { type: "number", min: 1, max: 100000, value: plan.steps, style: "width: 6rem" });
  steps.addEventListener("change", () => set({ steps: steps.valueAsNumber }));
  const progress = make("progress", { max: 1, value: 0, "aria-label": "steps done", style: "width: 100%" });
  const numbers = make("p", { class: "numbers" }, "Nothing is trained yet.");
  const status = make("p", { class: "soft", role: "status" });
  const alarm = make("p", { class: "figure-error", role: "alert" });
  const shown = tiles(SHOWN, 10);
  shown.draw(new Uint8Array(SHOWN * PIXELS).fill(128), "No samples yet");
  const under = make("p", { class: "soft" }, "Ten samples of the network will stand here: drawn from the same noise again and again while it learns.");
  const curve = curves({
    label: "Loss of each step: nothing yet", height: 180, most: 1000, x: { range: (_, last) => [0, Math.max(last, 10)] }, y: { log: true },
    lines: [{ color: "rule", width: 1 }, { color: "blue" }],
  });
  const byLevel = bars(BUCKETS, "Error of the network's answer by level of noise, from little noise to much");
  const classes = [undefined, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((label) =>
    button(label === undefined ? "one of each" : String(label), () => draw(label), { disabled: true }));
  const row = (...children: (Node | string)[]): HTMLElement => make("div", { class: "row" }, ...children);
  element.append(
    row(main, one, anew), shown.canvas, under, progress, numbers, alarm,
    row(make("span", { class: "soft" }, "draw"), ...classes),
    row(devices.label, predictions.label, make("label", {}, "steps", steps)), threadsControl(),
    make("div", { class: "soft" }, "Loss of each step, and its average"), curve.element,
    make("div", { class: "soft" }, "Error by level of noise: ten tenths of t, from little noise to much"), byLevel.element, status,
  );
  if (!("gpu" in navigator)) devices.select.options[2].disabled = true;

  const sizes = new ResizeObserver(([{ contentRect: { width } }]) => {
    shown.columns = width < 520 ? 5 : 10;
  });
  sizes.observe(element);
  const onScreen = new IntersectionObserver((entries) => {
    seen = entries.at(-1)!.isIntersecting;
    if (seen) redraw();
  });
  onScreen.observe(element);

  const send = (order: TrainOrder): void => worker?.postMessage(order);

  function enter(next: Phase, says: string): void {
    phase = next;
    status.textContent = says;
    main.textContent = { new: "Train", opening: "Opening ...", running: "Pause", resting: "Go on", done: "Trained", failed: "Try again" }[next];
    main.disabled = next === "opening" || next === "done";
    one.disabled = ["opening", "running", "done"].includes(next);
    anew.disabled = next === "new" || next === "opening";
    for (const control of [devices.select, predictions.select, steps]) control.disabled = !["new", "failed"].includes(next);
    for (const control of classes) control.disabled = !["running", "resting", "done"].includes(next) || losses.length === 0;
  }

  function open(): void {
    worker?.terminate();
    forget();
    alarm.textContent = "";
    enter("opening", "The data is fetched and the device is opened ...");
    worker = new Worker(new URL("./shared/training-worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<TrainNews>) => hear(data);
    worker.onerror = ({ message }) => hear({ kind: "failed", message });
    send({ kind: "open", plan: { ...plan } });
  }

  /** Everything that a network before this one has left on show. */
  function forget(): void {
    [losses, smooth, buckets] = [[], [], []];
    device = weights = samples = "";
    samplesAt = rate = 0;
    shown.draw(new Uint8Array(SHOWN * PIXELS).fill(128), "No samples yet");
    under.textContent = "Ten samples of the network will stand here.";
    numbers.textContent = "Nothing is trained yet.";
    progress.value = 0;
    curve.draw([[], [], []]);
    byLevel.draw([], "nothing yet");
  }

  let wanted: "run" | "step" = "run";
  function command(what: "run" | "pause" | "step" | "anew"): void {
    if (what === "anew") {
      worker?.terminate();
      worker = undefined;
      forget();
      return enter("new", "The network is gone.");
    }
    if (what === "pause") return send({ kind: "pause" });
    wanted = what;
    if (phase === "new" || phase === "failed") return open();
    if (phase !== "resting") return undefined;
    enter("running", what === "run" ? "It trains." : "It takes a step.");
    return send({ kind: what });
  }

  function draw(label: number | undefined): void {
    if (!["running", "resting", "done"].includes(phase)) return;
    send({ kind: "draw", label, seed: 1 });
  }

  async function choose(value: string): Promise<void> {
    const missing = value.startsWith("gpu:") ? await missingForGpu(value.slice("gpu:".length)) : undefined;
    if (missing === undefined) return set({ device: value });
    devices.select.value = plan.device;
    [...devices.select.options].find((option) => option.value === value)!.disabled = true;
    alarm.textContent = `Not there: ${missing}.`;
    return undefined;
  }

  function hear(news: TrainNews): void {
    switch (news.kind) {
      case "opened":
        ({ device, parameters } = news);
        enter("running", `${parameters.toLocaleString("en")} weights, on ${device}.`);
        send({ kind: wanted });
        break;
      case "step": {
        const { loss, imagesPerSecond, buckets: errors } = news.metrics;
        losses.push(loss);
        smooth.push(smooth.length === 0 ? loss : KEEP * smooth.at(-1)! + (1 - KEEP) * loss);
        rate = imagesPerSecond;
        errors.forEach((error, i) => {
          if (error !== null) buckets[i] = buckets[i] === undefined ? error : KEEP * buckets[i] + (1 - KEEP) * error;
        });
        if (losses.length === 1) for (const control of classes) control.disabled = false;
        timer ??= setTimeout(redraw, REDRAW_MS);
        break;
      }
      case "drawn": {
        const { label, step, drawn } = news;
        [samples, samplesAt] = [drawn.digest, step];
        const what = label === undefined ? "the digits 0 to 9" : `ten times the digit ${label}`;
        shown.draw(drawn.levels, `Samples of the network after ${step} steps: ${what}`);
        under.textContent = `After ${step} steps: ${what}, by 20 steps of DDIM.`;
        break;
      }
      case "rests":
        weights = news.digest;
        redraw();
        enter(news.done ? "done" : "resting", `${news.done ? "Trained" : "At rest"} after ${news.step} steps; the network stays: draw from it. Bits of its weights: ${weights}.`);
        break;
      case "failed":
        worker?.terminate();
        alarm.textContent = news.message;
        enter("failed", "");
    }
  }

  function redraw(): void {
    clearTimeout(timer);
    timer = undefined;
    if (losses.length === 0 || !seen) return;
    curve.draw([losses.map((_, i) => i + 1), losses, smooth]);
    const average = smooth.at(-1)!;
    curve.describe(`Loss of ${losses.length} steps, from ${losses[0].toFixed(3)} to ${average.toFixed(3)} on average`);
    byLevel.draw(buckets.map((value) => value ?? 0), buckets.map((value) => (value ?? 0).toFixed(3)).join(", "));
    numbers.textContent = `step ${losses.length} of ${plan.steps} · loss ${average.toFixed(4)} · ${rate.toFixed(0)} images a second · ${device}`;
    progress.value = losses.length / plan.steps;
  }

  function set(change: Partial<TrainState>): void {
    const { command: what, draw: label, ...rest } = change;
    if (Object.keys(rest).length > 0) {
      if (!["new", "failed"].includes(phase)) command("anew");
      Object.assign(plan, rest);
      if (!(Number.isInteger(plan.steps) && plan.steps > 0)) plan.steps = 600;
      [devices.select.value, predictions.select.value, steps.value] = [plan.device, plan.prediction, String(plan.steps)];
    }
    if (what !== undefined) command(what);
    if (label !== undefined) draw(label);
  }

  enter("new", "");
  set(given);
  if (location.hash === "#train") {
    element.scrollIntoView();
    command("run");
  }
  return {
    set,
    read: () => ({
      ...plan, phase, step: losses.length, loss: losses.at(-1), losses: losses.slice(0, 10), average: smooth.at(-1), buckets, weights, samples,
      samplesAt, imagesPerSecond: rate, on: device, parameters, message: alarm.textContent,
    }),
    dispose() {
      worker?.terminate();
      clearTimeout(timer);
      for (const observer of [sizes, onScreen]) observer.disconnect();
      curve.dispose();
      element.replaceChildren();
    },
  };
}
