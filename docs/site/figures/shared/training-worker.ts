/** Trains beside the page. Orders are heard between two steps; the network stays when training ends, and goes with the worker. */
import type { StepMetrics } from "@fromnoise/diffusion";
import type { Plan } from "./digits.js";
import { grayPixels } from "./picture.js";
import { DigitsTraining, type Drawn } from "./training.js";
import { breathe } from "./work.js";

export type TrainOrder =
  | { readonly kind: "open"; readonly plan: Plan }
  | { readonly kind: "run" }
  | { readonly kind: "pause" }
  | { readonly kind: "step" }
  | { readonly kind: "draw"; readonly label: number | undefined; readonly seed: number };

export type TrainNews =
  | { readonly kind: "opened"; readonly device: string; readonly parameters: number }
  | { readonly kind: "step"; readonly metrics: StepMetrics }
  | { readonly kind: "drawn"; readonly step: number; readonly label: number | undefined; readonly drawn: Drawn }
  /** No step is being computed any more; the digest is of the weights. */
  | { readonly kind: "rests"; readonly step: number; readonly done: boolean; readonly digest: string }
  | { readonly kind: "failed"; readonly message: string };

/** Steps between two looks at the samples: often at first, when much changes. */
const lookAt = (step: number): boolean => step % (step < 200 ? 25 : 50) === 0;

let training: DigitsTraining | undefined;
let plan: Plan;
let running = false;
const waiting: TrainOrder[] = [];
let busy = false;

const tell = (news: TrainNews): void => postMessage(news);

async function oneStep(): Promise<void> {
  tell({ kind: "step", metrics: await training!.step() });
}

async function look(label: number | undefined, seed: number): Promise<void> {
  tell({ kind: "drawn", step: training!.trainer.step, label, drawn: await training!.draw(label, seed) });
}

async function rest(): Promise<void> {
  running = false;
  const { step } = training!.trainer;
  tell({ kind: "rests", step, done: step >= plan.steps, digest: await training!.digest() });
}

async function run(): Promise<void> {
  running = true;
  while (running && training!.trainer.step < plan.steps) {
    await oneStep();
    const { step } = training!.trainer;
    if (lookAt(step) || step === plan.steps) await look(undefined, 0);
    await breathe();                                                            // lets orders in
    while (waiting.length > 0) await obey(waiting.shift()!);
  }
  await rest();
}

async function obey(order: TrainOrder): Promise<void> {
  switch (order.kind) {
    case "open": {
      ({ plan } = order);
      const { width, height, levels } = await grayPixels(new URL("../recorded/digits.png", import.meta.url));
      training = await DigitsTraining.open(plan, { width, height, channels: 1, data: Float32Array.from(levels, (level) => level / 255) });
      return tell({ kind: "opened", device: training.device.description, parameters: training.parameters });
    }
    case "run": return running ? undefined : run();
    case "pause": running = false; return undefined;
    case "step": {
      if (running || training!.trainer.step >= plan.steps) return undefined;
      await oneStep();
      await look(undefined, 0);
      return rest();
    }
    case "draw": return look(order.label, order.seed);
  }
}

onmessage = async ({ data }: MessageEvent<TrainOrder>) => {
  waiting.push(data);
  if (busy) return;                                                             // whoever is at work takes it between two steps
  busy = true;
  try {
    while (waiting.length > 0) await obey(waiting.shift()!);
  } catch (error) {
    waiting.length = 0;
    running = false;
    tell({ kind: "failed", message: (error as Error).message });
  } finally {
    busy = false;
  }
};
