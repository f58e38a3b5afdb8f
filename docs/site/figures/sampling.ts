/** Chapter 10: a sampler in slow motion: x_t, the guess of x0, the mean of the step, sigma z, and the next x. */
import { openDevice, type Device } from "@fromnoise/tensor";
import { ancestral, discreteProcess, pathOf } from "@fromnoise/diffusion";
import type { Figure } from "./figure.js";
import { DATA, sampleSd, sampling, spread, type Choices, type DataName, type Kept, type SamplerName, type VarianceChoice } from "./math/sampling.js";
import { arrow, dot, panel, panels, type Colors } from "./shared/canvas.js";
import { choice, row, slider, tick } from "./shared/controls.js";
import { curves } from "./shared/curves.js";
import { button, make } from "./shared/elements.js";
import { latest, loop, pacer, stillness } from "./shared/work.js";

/** What is shown of a step, in turn. */
const PHASES = ["xt", "x0", "mean", "noise", "next"] as const;
type Phase = (typeof PHASES)[number];
const WORDS: Readonly<Record<Phase, string>> = {
  xt: "x_t: where the samples are", x0: "x̂0: what the denoiser guesses", mean: "mean: where the step would lead without noise",
  noise: "σ z: the noise that the step adds", next: "next: mean + σ z, which becomes x_t",
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface State extends Mutable<Choices> {
  /** Which step of the run, from 0, and what of it. */
  step: number;
  phase: Phase;
  /** The sample whose numbers are shown. */
  follow: number;
  playing: boolean;
}

const COUNT = 200, SIZE = 330, REACH = 2.6;

export function mount(place: HTMLElement, given: Partial<State> = {}): Figure<State> {
  const state: State = {
    data: "clusters", sampler: "ancestral", steps: 20, eta: 0, variance: "fixed-small", clip: false, step: 0, phase: "xt", follow: 3, playing: false, ...given,
  };
  const process = discreteProcess({ name: "scaled-linear", timesteps: 100 });
  let device: Device | undefined;
  let run: { choices: string; kept: Kept[] } | undefined;
  let failure: string | undefined;

  const choices = (): Choices => {
    const { data, sampler, steps, eta, variance, clip } = state;
    return { data, sampler, steps, eta, variance, clip };
  };
  const current = (): readonly Kept[] | undefined => (run?.choices === JSON.stringify(choices()) ? run.kept : undefined);
  const across = (v: number): number => ((v + REACH) / (2 * REACH)) * SIZE, down = (v: number): number => ((REACH - v) / (2 * REACH)) * SIZE;

  const plane = panel({ width: SIZE, height: SIZE, label: "The samples", paint: paintPlane });
  const levels = curves({
    label: "The levels of the run", most: 300, x: { range: (_, last) => [0, Math.max(1, last)] }, y: { range: [0, 1.6] },
    lines: [{ color: "blue" }, { color: "violet" }, { color: "rule" }],
  });

  function paintPlane(context: CanvasRenderingContext2D, colors: Colors): void {
    const { means, sd } = DATA[state.data], kept = current();
    context.strokeStyle = colors.rule;
    for (const [x, y] of means) {
      context.beginPath();                                                              // the data: a circle of two deviations a centre
      context.arc(across(x), down(y), (2 * sd * SIZE) / (2 * REACH), 0, 2 * Math.PI);
      context.stroke();
    }
    if (kept === undefined) return;
    const { xt, x0, mean, next } = kept[state.step];
    /** Arrows from one place of every sample to another, then dots at the second. */
    const go = (from: ArrayLike<number> | undefined, to: ArrayLike<number>, color: string): void => {
      context.strokeStyle = context.fillStyle = color;
      for (let i = 0; i < 2 * COUNT; i += 2) {
        const mine = i === 2 * state.follow;
        context.globalAlpha = mine ? 1 : 0.5;
        context.lineWidth = mine ? 2 : 0.6;
        if (from !== undefined) arrow(context, across(from[i]), down(from[i + 1]), across(to[i]), down(to[i + 1]), mine ? 6 : 2);
        dot(context, across(to[i]), down(to[i + 1]), mine ? 4.5 : 1.8);
      }
      context.globalAlpha = 1;
    };
    if (state.phase === "xt") go(undefined, xt, colors.blue);
    if (state.phase === "x0") go(xt, x0, colors.violet);
    if (state.phase === "mean") go(xt, mean, colors.green);
    if (state.phase === "noise") go(mean, next, colors.orange);
    if (state.phase === "next") go(undefined, next, colors.blue);
    context.strokeStyle = colors.ink;
    context.lineWidth = 1.5;
    context.beginPath();
    const [x, y] = state.phase === "x0" ? [x0[2 * state.follow], x0[2 * state.follow + 1]] : [xt[2 * state.follow], xt[2 * state.follow + 1]];
    context.arc(across(x), down(y), 7, 0, 2 * Math.PI);
    context.stroke();
  }

  function drawLevels(): void {
    const kept = current() ?? [], { sd } = DATA[state.data];
    const spreads = (name: "xt" | "x0"): number[] => kept.map((step) => spread(step[name], DATA[state.data]));
    levels.draw([kept.map((_, i) => i), spreads("xt"), spreads("x0"), kept.map(() => sd)], state.step);
  }

  const update = (change: Partial<State>): void => {
    Object.assign(state, change);
    const within = (v: number, last: number): number => Math.min(last, Math.max(0, Math.round(v)));
    state.steps = Math.max(1, within(state.steps, 100));
    state.step = within(state.step, state.steps - 1);
    state.follow = within(state.follow, COUNT - 1);
    show();
  };
  /** One phase on or back; at the ends it stays. */
  const go = (by: 1 | -1): boolean => {
    const at = state.step * PHASES.length + PHASES.indexOf(state.phase) + by;
    if (at < 0 || at >= state.steps * PHASES.length) return false;
    update({ step: Math.floor(at / PHASES.length), phase: PHASES[at % PHASES.length] });
    return true;
  };

  const samplers = choice<SamplerName>({
    label: "sampler", options: { ancestral: "ancestral (Algorithm 2)", ddim: "DDIM", euler: "Euler (Karras)" }, value: state.sampler,
    onChange: (sampler) => update({ sampler }),
  });
  const data = choice<DataName>({
    label: "data", options: { clusters: "three clusters, sd 0.15", gaussian: "one Gaussian, sd 0.5" }, value: state.data, onChange: (value) => update({ data: value }),
  });
  const variances = choice<VarianceChoice>({
    label: "variance", options: { "fixed-small": "small, β̃", "fixed-large": "large, β", "exact": "exact, β̃ + c₁² Var(x0|x_t)" }, value: state.variance,
    onChange: (variance) => update({ variance }),
  });
  const steps = slider({ label: "steps", min: 1, max: 100, value: state.steps, onInput: (value) => update({ steps: value }) });
  const eta = slider({ label: "η", min: 0, max: 1, step: 0.1, value: state.eta, text: (v) => v.toFixed(1), onInput: (value) => update({ eta: value }) });
  const clips = tick("clip x̂0 to [-1, 1]", state.clip, (clip) => update({ clip }));
  const at = slider({ label: "step", min: 0, max: state.steps - 1, value: 0, onInput: (step) => update({ step }) });
  const follow = slider({ label: "follow sample", min: 0, max: COUNT - 1, value: state.follow, onInput: (value) => update({ follow: value }) });
  const playing = tick("play", state.playing, (on) => update({ playing: on }));
  const back = button("◀ back", () => void go(-1)), on = button("next ▶", () => void go(1), { class: "primary" });
  const caption = make("strong", {}), numbers = make("p", { class: "numbers soft" }), result = make("p", { class: "numbers" });

  const keys = (event: KeyboardEvent): void => {
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    event.preventDefault();
    go(event.key === "ArrowRight" ? 1 : -1);
  };
  place.addEventListener("keydown", keys);

  const running = latest(async (stale) => {
    device ??= await openDevice("reference");
    const wanted = choices(), name = JSON.stringify(wanted), breath = pacer();
    if (run?.choices === name) return;
    const kept: Kept[] = [];
    for await (const step of sampling(wanted, process, device, COUNT)) {
      kept.push(step);
      await breath();
      if (stale()) return;
    }
    run = { choices: name, kept };
    show();
  }, (error) => {
    failure = String(error);
    console.error(error);
  });

  /** What the recursion of the chapter says of the samples' deviation, where it applies. */
  const predicted = (): number | undefined => {
    if (state.data !== "gaussian" || state.sampler !== "ancestral" || state.clip) return undefined;
    return sampleSd(pathOf(ancestral, process, { steps: state.steps }), DATA.gaussian.sd, state.variance);
  };
  const followed = (): Record<string, [number, number]> | undefined => {
    const step = current()?.[state.step];
    if (step === undefined) return undefined;
    return Object.fromEntries(PHASES.map((phase) => [phase, [step[phase][2 * state.follow], step[phase][2 * state.follow + 1]]]));
  };
  const sdOfSamples = (): number | undefined => {
    const last = current()?.at(-1);
    return last === undefined ? undefined : spread(last.next, DATA[state.data]);
  };

  function describe(): void {
    const point = followed(), kept = current(), sd = sdOfSamples(), wanted = predicted();
    if (point === undefined || kept === undefined || sd === undefined) {
      numbers.textContent = "sampling …";
      return;
    }
    const pair = ([x, y]: [number, number]): string => `(${x.toFixed(3)}, ${y.toFixed(3)})`;
    const { at: from } = kept[state.step];
    const place = `step ${state.step + 1} of ${state.steps}, ${from.index === undefined ? `time ${from.time.toFixed(1)}` : `t = ${from.index}`}`;
    caption.textContent = `${WORDS[state.phase]} (${place})`;
    numbers.textContent = `sample ${state.follow}: x_t ${pair(point.xt)}, x̂0 ${pair(point.x0)}, mean ${pair(point.mean)}, σ z ${pair(point.noise)}, next ${pair(point.next)}`;
    result.textContent = `At the end: standard deviation ${sd.toFixed(3)}, the data's is ${DATA[state.data].sd.toFixed(3)}` +
      (wanted === undefined ? "" : `, the recursion for so many steps says ${wanted.toFixed(3)}`);
    plane.describe(`${COUNT} samples, ${place}: ${WORDS[state.phase]}. ${numbers.textContent}`);
    levels.describe(`Spread of x_t and of the guesses over the ${kept.length} steps. ${result.textContent}`);
  }

  function show(): void {
    samplers.set(state.sampler);
    data.set(state.data);
    variances.set(state.variance);
    steps.set(state.steps);
    eta.set(state.eta);
    clips.set(state.clip);
    at.limit(state.steps - 1);
    at.set(state.step, `${state.step + 1} of ${state.steps}`);
    follow.set(state.follow);
    playing.set(state.playing);
    variances.element.hidden = state.sampler !== "ancestral";
    eta.element.hidden = state.sampler !== "ddim";
    describe();
    plane.draw();
    drawLevels();
    running.ask();
    film.run(state.playing);
  }

  let shown = 0;
  const film = loop(place, () => {
    if (performance.now() - shown < 250 || current() === undefined) return;
    shown = performance.now();
    if (!go(1)) update({ step: 0, phase: "xt" });
  });
  if (stillness()) state.playing = false;
  place.replaceChildren(
    row(data.element, samplers.element, variances.element, eta.element), row(steps.element, clips.element),
    row(back, on, at.element, playing.element), row(caption),
    panels([plane, "circles: two deviations of the data"], [levels, "over steps: spread of x_t (blue), of the guesses (violet), of the data (gray)"]), row(follow.element), numbers, result,
  );
  show();

  return {
    set: update,
    read: () => ({
      ...state, ...followed(), level: current()?.[state.step].at, sd: sdOfSamples(), predictedSd: predicted(),
      samples: Array.from(current()?.at(-1)?.next ?? []), ready: running.idle() && current() !== undefined, failure,
    }),
    dispose() {
      film.dispose();
      running.dispose();
      plane.dispose();
      levels.dispose();
      place.removeEventListener("keydown", keys);
      void device?.dispose();
      place.replaceChildren();
    },
  };
}
