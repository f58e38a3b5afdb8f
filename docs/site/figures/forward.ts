/** Chapter 1: x_t of a drawing at step t, walkers through single steps beside equation 4, and the log-SNRs of the schedules. */
import { openDevice, randomNormal, Random, tensor, type Device } from "@fromnoise/tensor";
import { discreteProcess, qSample, SCHEDULE_NAMES, type DiscreteProcess, type ScheduleName } from "@fromnoise/diffusion";
import type { Figure } from "./figure.js";
import { rasterise, TWO, walk, walkMoments, type Stroke, type Walk } from "./math/forward.js";
import { panel, panels } from "./shared/canvas.js";
import { choice, row, slider, tick } from "./shared/controls.js";
import { curves, type Curve } from "./shared/curves.js";
import { button, make } from "./shared/elements.js";
import { pen } from "./shared/pen.js";
import { breathe, latest, loop, pacer, stillness } from "./shared/work.js";

interface State {
  /** The step, 0 .. T - 1. */
  t: number;
  schedule: ScheduleName;
  /** The drawing: strokes in the unit square. */
  strokes: readonly Stroke[];
  /** Where the walkers start. */
  x0: number;
  playing: boolean;
}

/** Walks are shown at every EACH-th step. */
const T = 1000, SIDE = 28, PAD = 168, WALKERS = 500, SHOWN = 40, EACH = 5;

export function mount(place: HTMLElement, given: Partial<State> = {}): Figure<State> {
  const state: State = { t: 250, schedule: "linear", strokes: TWO, x0: 0.8, playing: false, ...given };
  const processes = new Map<ScheduleName, DiscreteProcess>();
  const processOf = (name: ScheduleName): DiscreteProcess => {
    if (!processes.has(name)) processes.set(name, discreteProcess({ name, timesteps: T }));
    return processes.get(name)!;
  };
  const process = (): DiscreteProcess => processOf(state.schedule);
  let raster: { strokes: readonly Stroke[]; values: Float64Array } | undefined;
  const x0Image = (): Float64Array => {
    if (raster?.strokes !== state.strokes) raster = { strokes: state.strokes, values: rasterise(state.strokes, SIDE) };
    return raster.values;
  };
  let device: Device | undefined;
  let xt: ArrayLike<number> | undefined;
  let walked: { walk: Walk; schedule: ScheduleName; x0: number } | undefined;
  let failure: string | undefined;
  const complain = (error: unknown): void => {
    failure = String(error);
    console.error(error);
  };

  // What is drawn.
  const picture = (context: CanvasRenderingContext2D, values: ArrayLike<number>, size: number): void => {
    const cell = size / SIDE;
    context.fillStyle = "#000000";                                                     // no paper shines through between the pixels
    context.fillRect(0, 0, size, size);
    for (let p = 0; p < SIDE * SIDE; p++) {
      const level = Math.round(127.5 * (Math.min(1, Math.max(-1, values[p])) + 1));
      context.fillStyle = `rgb(${level} ${level} ${level})`;
      context.fillRect((p % SIDE) * cell, Math.floor(p / SIDE) * cell, cell + 0.3, cell + 0.3);
    }
  };
  const pad = panel({
    width: PAD, height: PAD, label: "The clean image x0",
    paint: (context, colors) => {
      picture(context, x0Image(), PAD);
      ink.paint(context, colors);
    },
  });
  pad.canvas.style.touchAction = "none";
  const ink = pen(pad, {
    size: PAD, step: PAD / SIDE, changed: () => show(),
    draw(x, y, begins) {
      const earlier = state.strokes === TWO ? [] : state.strokes, last = begins ? [] : earlier.at(-1)!;
      update({ strokes: [...(begins ? earlier : earlier.slice(0, -1)), [...last, [x / PAD, y / PAD]]] });
    },
  });
  const noisy = panel({
    width: PAD, height: PAD, label: "x_t",
    paint: (context) => {
      if (xt !== undefined) picture(context, xt, PAD);
    },
  });
  const steps = { range: [0, T], ticks: [[0, "0"], [250, "250"], [500, "500"], [750, "750"], [1000, "t"]] } as const;
  const walkers = curves({
    label: "Walkers", most: 320, x: steps, y: { range: [-3.4, 3.4] },
    lines: [...Array<Curve>(SHOWN).fill({ color: "blue", width: 0.6, opacity: 0.55 }), ...Array<Curve>(3).fill({ color: "orange", width: 1.6 })],
  });
  const chart = curves({
    label: "log-SNR of the schedules", most: 320, x: steps, y: { range: [-16, 10] },
    lines: [...SCHEDULE_NAMES.map((): Curve => ({ color: "rule", width: 1 })), { color: "orange", width: 2.5 }],
  });

  const times = Array.from({ length: T / EACH }, (_, k) => EACH * k);
  function drawWalkers(): void {
    const { alphaBar } = process().schedule, { places, count } = walked?.walk ?? { places: [], count: 0 };
    const walks = Array.from({ length: SHOWN }, (_, i) => times.map((t) => places[t * count + i] ?? null));
    const moments = [-2, 0, 2].map((sign) => times.map((t) => Math.sqrt(alphaBar[t]) * state.x0 + sign * Math.sqrt(1 - alphaBar[t])));
    walkers.draw([times, ...walks, ...moments], state.t);
  }

  function drawChart(): void {
    const logs = (name: ScheduleName): (number | null)[] => {
      const snr = processes.get(name)?.schedule.snr;
      return times.map((t) => (snr === undefined ? null : Math.log(snr[t])));
    };
    chart.draw([times, ...SCHEDULE_NAMES.map(logs), logs(state.schedule)], state.t);
  }

  // Controls.
  const update = (change: Partial<State>): void => {
    Object.assign(state, change);
    state.t = Math.min(T - 1, Math.max(0, Math.round(state.t)));
    show();
  };
  const time = slider({ label: "step t", min: 0, max: T - 1, value: state.t, onInput: (t) => update({ t }) });
  const schedules = choice({
    label: "schedule", options: Object.fromEntries(SCHEDULE_NAMES.map((name) => [name, name])) as Record<ScheduleName, string>,
    value: state.schedule, onChange: (schedule) => update({ schedule }),
  });
  const start = slider({ label: "walkers start at", min: -1, max: 1, step: 0.1, value: state.x0, text: (v) => v.toFixed(1), onInput: (x0) => update({ x0 }) });
  const playing = tick("play", state.playing, (on) => update({ playing: on }));
  const numbers = make("p", { class: "numbers soft" });
  const wipe = button("clear the drawing", () => update({ strokes: [] }));
  const again = button("the two again", () => update({ strokes: TWO }));

  // What is computed: x_t by the library, with one eps for all t, so that one sees the image fade and not the noise flicker.
  const noised = latest(async () => {
    device ??= await openDevice("reference");
    const options = { device, dtype: "f64", shape: [1, SIDE, SIDE, 1] } as const;
    const made = device.scope(() => {
      const eps = randomNormal(options.shape, new Random(7), options);
      return qSample(tensor(x0Image(), options), process().at(state.t), eps);
    });
    xt = await made.data();
    made.dispose();
    noisy.draw();
    pad.draw();
  }, complain);

  const walking = latest(async (stale) => {
    const { schedule, x0 } = state, breath = pacer();
    if (walked?.schedule === schedule && walked.x0 === x0) return;
    const steps = walk(process().schedule, x0, WALKERS, 11);
    for (;;) {
      const next = steps.next();
      if (next.done === true) {
        walked = { walk: next.value, schedule, x0 };
        break;
      }
      await breath();
      if (stale()) return;
    }
    describe();
    drawWalkers();
  }, complain);

  /** The other schedules, one after the other: a thousand steps each are some milliseconds. */
  const others = latest(async () => {
    for (const name of SCHEDULE_NAMES) {
      processOf(name);
      drawChart();
      await breathe();
    }
  }, complain);

  const moments = (): ReturnType<typeof walkMoments> | undefined => {
    if (walked === undefined || walked.schedule !== state.schedule || walked.x0 !== state.x0) return undefined;
    return walkMoments(process().schedule, walked.walk, state.t);
  };

  function describe(): void {
    const { alpha, sigma } = process().at(state.t), snr = process().schedule.snr[state.t], found = moments();
    const level = `alpha ${alpha.toFixed(3)}, sigma ${sigma.toFixed(3)}, ln SNR ${Math.log(snr).toFixed(2)}`;
    const walks = found === undefined ? "walking …" :
      `${WALKERS} walkers: mean ${found.mean.toFixed(3)} (equation 4: ${found.expected.mean.toFixed(3)}), ` +
      `variance ${found.variance.toFixed(3)} (${found.expected.variance.toFixed(3)})`;
    numbers.textContent = `t = ${state.t}: ${level}. ${walks}`;
    pad.describe(`The clean image x0. ${ink.words()}`);
    noisy.describe(`The image at step ${state.t} of the schedule ${state.schedule}: ${level}`);
    walkers.describe(`${SHOWN} of ${WALKERS} walks of one pixel from ${state.x0.toFixed(1)}, and mean and two deviations by equation 4. ${walks}`);
    chart.describe(`ln SNR over t of ${SCHEDULE_NAMES.join(", ")}; ${state.schedule} at t = ${state.t}: ${Math.log(snr).toFixed(2)}`);
  }

  function show(): void {
    time.set(state.t);
    schedules.set(state.schedule);
    start.set(state.x0);
    playing.set(state.playing);
    describe();
    drawWalkers();
    drawChart();
    noised.ask();
    walking.ask();
    film.run(state.playing);
  }

  const film = loop(place, () => update({ t: (state.t + 5) % T }));
  if (stillness()) state.playing = false;
  place.replaceChildren(
    row(time.element, schedules.element, playing.element),
    panels([pad, "x0: draw here"], [noisy, "x_t: image and noise"], [walkers, "one pixel walked step by step (2), and mean ± 2 sd (4)"], [chart, "how much image is left: ln SNR of all schedules, yours bold"]),
    row(start.element, wipe, again), numbers,
  );
  show();
  others.ask();

  return {
    set: update,
    read: () => {
      const { alpha, sigma } = process().at(state.t);
      return {
        ...state, alpha, sigma, logSnr: Math.log(process().schedule.snr[state.t]), x0Image: Array.from(x0Image()),
        xt: xt === undefined ? undefined : Array.from(xt), walkers: moments(), ready: noised.idle() && walking.idle() && others.idle(), failure,
      };
    },
    dispose() {
      film.dispose();
      for (const work of [noised, walking, others]) work.dispose();
      for (const shown of [pad, noisy, walkers, chart]) shown.dispose();
      void device?.dispose();
      place.replaceChildren();
    },
  };
}
