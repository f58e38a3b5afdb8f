/** Chapter 4: a network that learns points: training with its loss above the floor, and one step of it arrow by arrow. */
import type { Figure } from "./figure.js";
import { CENTRES, PointTraining, type Arrow, type DataName, type Parts, type Phase, type Point } from "./math/points.js";
import { dot, panel, panels, type Colors } from "./shared/canvas.js";
import { choice, row } from "./shared/controls.js";
import { curves } from "./shared/curves.js";
import { button, make } from "./shared/elements.js";
import { pen } from "./shared/pen.js";
import { breathe, latest, loop, pacer } from "./shared/work.js";

interface State {
  data: DataName;
  /** Centres that the reader drew. */
  own: readonly Point[];
  training: boolean;
}

const SIZE = 320, REACH = 2.2, SAMPLES = 200, EVERY = 25;
const WORDS: Readonly<Record<Phase, string>> = {
  noise: "noise", forward: "their sum", loss: "gradient of the loss", backward: "backward", value: "value of the loss", adam: "Adam",
};

export function mount(place: HTMLElement, given: Partial<State> = {}): Figure<State> {
  const state: State = { data: "clusters", own: [], training: false, ...given };
  let training: PointTraining | undefined;
  let failure: string | undefined;
  let curve: { step: number; parts: Parts }[] = [];
  let samples: ArrayLike<number> | undefined;
  let traced: { loss: number; arrows: readonly Arrow[]; at: number } | undefined;
  /** What the training in progress was started for. */
  let started = "";
  let pending: "arrow" | "step" | undefined;

  const centres = (): readonly Point[] => (state.data === "own" ? state.own : CENTRES[state.data]);
  const across = (v: number): number => ((v + REACH) / (2 * REACH)) * SIZE, down = (v: number): number => ((REACH - v) / (2 * REACH)) * SIZE;
  const plane = panel({ width: SIZE, height: SIZE, label: "The data", paint: paintPlane });
  const chart = curves({
    label: "The loss and its floor", height: 220, most: SIZE, x: { range: (_, last) => [0, last] }, y: { range: [0, 1.1] },
    lines: [{ color: "blue" }, { color: "green" }],
  });

  function paintPlane(context: CanvasRenderingContext2D, colors: Colors): void {
    context.strokeStyle = colors.rule;
    context.strokeRect(0.5, 0.5, SIZE - 1, SIZE - 1);
    context.fillStyle = colors.rule;
    context.globalAlpha = 0.6;
    for (const [x, y] of centres()) dot(context, across(x), down(y), 8);
    context.globalAlpha = 1;
    context.fillStyle = colors.blue;
    for (let i = 0; samples !== undefined && i < samples.length; i += 2) dot(context, across(samples[i]), down(samples[i + 1]), 2);
    if (centres().length === 0) {
      context.fillStyle = colors.soft;
      context.font = "14px system-ui, sans-serif";
      context.textAlign = "center";
      context.fillText("draw your data here", SIZE / 2, SIZE / 3);
    }
    ink.paint(context, colors);
  }

  function drawChart(): void {
    const floor = curve.at(-1)?.parts.floor ?? null, losses = curve.map(({ parts }) => Math.min(1.1, parts.loss));
    chart.draw([[...curve.map(({ step }) => step), Math.max(200, curve.at(-1)?.step ?? 0)], [...losses, null], [...curve, 0].map(() => floor)]);
  }

  const datas = choice<DataName>({
    label: "data", options: { clusters: "three clusters", moons: "two moons", spiral: "a spiral", own: "your own" }, value: state.data,
    onChange: (data) => update({ data }),
  });
  const train = button("train", () => update({ training: !state.training }), { class: "primary" });
  const next = button("next arrow ▶", () => demand("arrow")), whole = button("one step", () => demand("step"));
  const again = button("start again", () => {
    started = "";
    update({ training: false, own: [] });
  });
  const list = make("ol", { "aria-label": "The arrows of one step of training" });
  list.style.cssText = "display: flex; flex-wrap: wrap; gap: 0.3rem; list-style: none; padding: 0; margin: 0.5rem 0;";
  const arrowText = make("p", { class: "numbers soft" }), numbers = make("p", { class: "numbers" });

  plane.canvas.style.touchAction = "pan-y";
  const ink = pen(plane, {
    size: SIZE, step: SIZE / 40, changed: () => show(),
    draw(px, py) {
      const x = (px / SIZE) * 2 * REACH - REACH, y = REACH - (py / SIZE) * 2 * REACH;
      const near = state.own.some(([a, b]) => Math.hypot(a - x, b - y) < 0.12);
      if (near || state.own.length >= 60) show();
      else update({ own: [...state.own, [x, y]], training: false });
    },
  });

  function demand(what: "arrow" | "step"): void {
    state.training = false;
    if (what === "arrow" && traced !== undefined && traced.at + 1 < traced.arrows.length) {
      traced.at++;
      return show();
    }
    pending = what;
    show();
  }

  const update = (change: Partial<State>): void => {
    Object.assign(state, change);
    show();
  };

  async function measure(): Promise<void> {
    curve.push({ step: training!.steps, parts: await training!.parts(breathe) });
    drawChart();
    describe();
  }

  /** Starts again where the data changed, and takes the step that was asked for. One work at a time touches the network. */
  const working = latest(async (stale) => {
    const wanted = `${state.data} ${JSON.stringify(centres())}`;
    if (wanted !== started) {
      await training?.dispose();
      [training, curve, samples, traced] = [undefined, [], undefined, undefined];
      started = wanted;
      if (centres().length > 0) {
        training = await PointTraining.start(centres());
        await measure();
      }
    }
    if (training === undefined) pending = undefined;
    else if (pending !== undefined) {
      const what = pending;
      pending = undefined;
      await breathe();
      traced = { ...await training.tracedStep(), at: 0 };
      if (what === "step") traced.at = traced.arrows.length - 1;
      await measure();
    }
    if (state.training && training !== undefined) {
      traced = undefined;
      const end = performance.now() + 14;
      do {
        await training.step();
        if (training.steps % EVERY === 0) await measure();
        if (training.steps % (8 * EVERY) === 0) samples = await training.samples(SAMPLES, pacer());
      } while (performance.now() < end && !stale());
    }
    describe();
    plane.draw();
    drawChart();
  }, (error) => {
    failure = String(error);
    console.error(error);
  });

  function describe(): void {
    const last = curve.at(-1);
    const three = (v: number): string => v.toFixed(3);
    numbers.textContent = last === undefined ? (centres().length === 0 ? "no data yet: choose some, or draw your own" : "measuring …") :
      `after ${last.step} step${last.step === 1 ? "" : "s"}: loss ${three(last.parts.loss)} = floor ${three(last.parts.floor)} + distance ${three(last.parts.distance)} + ${three(last.parts.cross)}`;
    plane.describe(`${centres().length} centres of the data${samples === undefined ? "" : `, and ${SAMPLES} samples of the network`}. ${ink.words()}`);
    chart.describe(`The loss over the steps, and under it the floor. ${numbers.textContent}`);
    const arrow = traced?.arrows[traced.at];
    arrowText.textContent = arrow === undefined ? "“next arrow” takes one step of training and goes through it, kernel by kernel" :
      `${arrow.layer === "" ? WORDS[arrow.phase] : `${arrow.phase === "adam" ? WORDS.adam : arrow.phase} of ${arrow.layer}`}: ${arrow.kernels.join(", ")} → [${arrow.shape.join(", ")}], root mean square ${arrow.rms.toPrecision(3)}` +
      (arrow.phase === "value" ? `, the loss ${three(traced!.loss)}` : "");
    list.replaceChildren(...(traced?.arrows ?? []).map(({ phase, layer }, i) => {
      const chip = make("li", i === traced!.at ? { "aria-current": "step" } : {}, layer === "" || phase === "adam" ? WORDS[phase] : `${phase === "backward" ? "←" : "→"} ${layer}`);
      chip.style.cssText = "margin: 0; padding: 0.1rem 0.5rem; border: 1px solid var(--figure-rule, gray); border-radius: 5px; font-size: 0.85rem;" +
        (i === traced!.at ? " background: var(--figure-ink, black); color: var(--figure-paper, white);" : i < traced!.at ? "" : " border-style: dashed;");
      return chip;
    }));
  }

  function show(): void {
    datas.set(state.data);
    ink.enable(state.data === "own");
    train.textContent = state.training ? "pause" : "train";
    for (const each of [train, next, whole]) each.disabled = centres().length === 0;
    describe();
    plane.draw();
    drawChart();
    working.ask();
    film.run(state.training);
  }

  const film = loop(place, () => {
    if (working.idle()) working.ask();
  });
  place.replaceChildren(
    row(datas.element, train, next, whole, again), list, arrowText,
    panels([plane, "gray: the data; blue: samples, every 200 steps"], [chart, "loss (blue) and its floor (green) over steps, on the same 1,000 draws every time"]), numbers,
  );
  show();

  return {
    set: update,
    read: () => ({
      ...state, step: training?.steps ?? 0, ...curve.at(-1)?.parts, measuredAt: curve.at(-1)?.step, arrow: traced?.arrows[traced.at], at: traced?.at,
      arrows: traced?.arrows.length ?? 0, samples: samples?.length ?? 0, ready: !state.training && working.idle() && (curve.length > 0 || centres().length === 0), failure,
    }),
    dispose() {
      film.dispose();
      working.dispose();
      plane.dispose();
      chart.dispose();
      void training?.dispose();
      place.replaceChildren();
    },
  };
}
