/** Ten digits on their way from noise: recorded ones that play at once, and others that a worker computes when they are asked for. */
import type { Figure } from "../figure.js";
import recorded from "../recorded/way.json";
import { whileSeen } from "./awake.js";
import { digest } from "./digest.js";
import { PIXELS, SIDE, type Way } from "./digits.js";
import { button, make, slider } from "./elements.js";
import { grayPixels } from "./picture.js";
import type { WayNews, WayOrder } from "./sampling-worker.js";
import { tiles } from "./tiles.js";

export interface WayState {
  /** Which frame is shown: 0 is noise, the last is the sample. */
  frame: number;
  playing: boolean;
  /** The class of all ten, or undefined for one of each. */
  label: number | undefined;
  seed: number;
  /** What is shown: the noisy x_t, or the network's guess of x_0 at that moment. */
  view: "xt" | "x0";
}

export interface WayOptions {
  /** Whether seed and bits are on show, and the guess below the noisy digits rather than in their place. */
  readonly details: boolean;
  /** Where one trains such a network: a link below the digits. */
  readonly trainLink?: string;
}

/** Milliseconds of a frame, and of a rest on the finished digits. */
const FRAME_MS = 150, REST_MS = 1800;

/** The recorded sheet as a way: a row for each sample, a column for each frame. */
async function recordedWay(): Promise<Way> {
  const { width, levels } = await grayPixels(new URL("../recorded/way.png", import.meta.url));
  const { labels, times } = recorded;
  const frame = (f: number): Uint8Array => Uint8Array.from({ length: labels.length * PIXELS }, (_, i) => {
    const n = Math.floor(i / PIXELS), p = i % PIXELS;
    return levels[(n * SIDE + Math.floor(p / SIDE)) * width + f * SIDE + p % SIDE];
  });
  return { labels, times, xt: times.map((_, f) => frame(f)), x0: [], digest: recorded.digest };
}

export function mountWay(element: HTMLElement, { details, trainLink }: WayOptions, given: Partial<WayState> = {}): Figure<WayState> {
  const state: WayState = { frame: 0, playing: true, label: undefined, seed: recorded.seed, view: "xt", ...given };
  let way: Way | undefined;
  let source: "loading" | "recorded" | "computing" | "computed" | "failed" = "loading";
  let computed = { device: "", milliseconds: 0 };
  let worker: Worker | undefined;
  let asked = 0, clock = 0, disposed = false;

  const noisy = tiles(10, 10), guess = tiles(10, 10);
  const play = button("Pause", () => set({ playing: !state.playing }));
  const time = slider("t", { min: 0, max: recorded.times.length - 1, step: 1, value: 0 }, (frame) => {
    set({ frame, playing: false });
    if (source === "recorded") compute();
  });
  const views = (["xt", "x0"] as const).map((view) =>
    button(view === "xt" ? "noisy digits" : "network's guess", () => set({ view }), { "data-view": view }));
  const classes = [undefined, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((label) =>
    button(label === undefined ? "one of each" : String(label), () => set({ label, playing: true, frame: 0 }), { "data-label": String(label) }));
  const seed = make("input", { type: "number", min: 0, max: 4294967295, value: state.seed, style: "width: 6rem" });
  seed.addEventListener("change", () => set({ seed: Math.max(0, Math.floor(seed.valueAsNumber || 0)), playing: true, frame: 0 }));
  const status = make("p", { class: "soft", role: "status" });
  const row = (...children: (Node | string)[]): HTMLElement => make("div", { class: "row" }, ...children);
  const caption = (text: string): HTMLElement => make("div", { class: "soft" }, text);
  element.append(
    ...(details ? [caption("x_t, what the network is shown"), noisy.canvas, caption("its guess of the digit below that noise"), guess.canvas] : [noisy.canvas]),
    row(play, time.label),
    ...(details ? [] : [row(...views)]),
    row(make("span", { class: "soft" }, "draw"), ...classes),
    ...(details ? [row(make("label", {}, "seed of the noise", seed))] : []),
    ...(trainLink === undefined ? [] : [row(make("a", { href: trainLink, class: "train-link" }, "Train it yourself (60 s)"))]),
    status,
  );
  time.input.style.width = "min(22rem, 50vw)";

  const wide = new ResizeObserver(([{ contentRect }]) => {
    const columns = contentRect.width < 520 ? 5 : 10;
    if (columns === noisy.columns) return;
    noisy.columns = guess.columns = columns;
    show();
  });
  wide.observe(element);

  function show(): void {
    if (way === undefined || disposed) return;
    const { frame, playing, label, view } = state;
    const t = way.times[frame], what = label === undefined ? "the digits 0 to 9" : `ten times the digit ${label}`;
    const seeing = playing ? `${what}, on their way from noise` : `${what} at t = ${t}`;
    const shown = !details && view === "x0" && way.x0.length > 0 ? way.x0 : way.xt;
    noisy.draw(shown[frame], `${shown === way.xt ? "Noisy images of" : "The network's guesses of"} ${seeing}`);
    if (details) guess.draw(way.x0[frame] ?? new Uint8Array(10 * PIXELS).fill(128), way.x0.length === 0 ? "Not recorded: move the slider" : `The network's guesses of ${seeing}`);
    time.input.value = String(frame);
    time.input.setAttribute("aria-valuetext", `t = ${t}`);
    time.output.textContent = String(t).padStart(3, " ");
    play.textContent = playing ? "Pause" : "Play";
    for (const one of views) one.setAttribute("aria-pressed", String(one.dataset["view"] === view));
    for (const one of classes) one.setAttribute("aria-pressed", String(one.dataset["label"] === String(label)));
  }

  function say(): void {
    const bits = way !== undefined && source === "computed" ? `, bits ${way.digest}${isRecorded() ? (way.digest === recorded.digest ? ", Node's" : `, in Node ${recorded.digest}`) : ""}` : "";
    status.textContent = {
      loading: "", recorded: details ? "Recorded in Node. Move the slider, and your browser computes them." : "",
      computing: "The network is at work beside this page ...",
      computed: `Computed here in ${(computed.milliseconds / 1000).toFixed(1)} s${details ? `, on ${computed.device}${bits}` : ""}.`,
      failed: status.textContent ?? "",
    }[source];
  }

  const isRecorded = (): boolean => state.label === undefined && state.seed === recorded.seed;
  const labelsNow = (): readonly number[] => (state.label === undefined ? recorded.labels : new Array<number>(10).fill(state.label));

  function compute(): void {
    source = "computing";
    say();
    worker ??= startWorker();
    worker.postMessage({ id: ++asked, labels: labelsNow(), seed: state.seed } satisfies WayOrder);
  }

  function startWorker(): Worker {
    const made = new Worker(new URL("./sampling-worker.ts", import.meta.url), { type: "module" });
    made.onmessage = ({ data }: MessageEvent<WayNews>) => {
      if (data.id === asked) hear(data);
    };
    made.onerror = ({ message }) => hear({ id: asked, kind: "failed", message });
    return made;
  }

  function hear(news: WayNews): void {
    if (news.kind === "step") return;
    if (news.kind === "failed") {
      source = "failed";
      status.textContent = `The network could not be asked: ${news.message}`;
      return;
    }
    ({ way } = news);
    computed = news;
    source = "computed";
    say();
    show();
  }

  function set(change: Partial<WayState>): void {
    const before = { ...state };
    Object.assign(state, change);
    state.frame = Math.max(0, Math.min(recorded.times.length - 1, Math.round(state.frame)));
    clock = 0;
    if (state.label !== before.label || state.seed !== before.seed) compute();
    else if (state.view === "x0" && source === "recorded") compute();
    show();
  }

  const motion = whileSeen(element, (elapsed) => {
    if (!state.playing || way === undefined) return;
    clock += elapsed;
    const last = way.times.length - 1;
    if (clock < (state.frame === last ? REST_MS : FRAME_MS)) return;
    clock = 0;
    state.frame = state.frame === last ? 0 : state.frame + 1;
    show();
  });

  recordedWay().then((loaded) => {
    if (way !== undefined || disposed) return;
    way = loaded;
    source = source === "loading" ? "recorded" : source;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) Object.assign(state, { playing: false, frame: loaded.times.length - 1 });
    say();
    show();
    performance.mark("first-figure");
  }, (error: unknown) => {
    source = "failed";
    status.textContent = (error as Error).message;
  });

  return {
    set,
    read: () => ({
      ...state, t: way?.times[state.frame], source, moving: motion.running() && state.playing,
      labels: way?.labels, digest: way?.digest, bitsOfNode: recorded.digest, device: computed.device,
      shown: way === undefined ? undefined : digest((!details && state.view === "x0" && way.x0.length > 0 ? way.x0 : way.xt)[state.frame]),
    }),
    dispose() {
      disposed = true;
      motion.stop();
      wide.disconnect();
      worker?.terminate();
      element.replaceChildren();
    },
  };
}
