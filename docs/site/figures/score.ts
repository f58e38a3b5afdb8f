/** Chapter 2: the field of scores of a few data points, and the posterior over them under the pointer, from the exact denoiser. */
import { concat, openDevice, tensor, type Device } from "@fromnoise/tensor";
import { discreteProcess, exactDenoiser } from "@fromnoise/diffusion";
import type { Figure } from "./figure.js";
import { FIVE, grid, posteriorOver, type Point } from "./math/score.js";
import { arrow, dot, panel, panels, type Colors } from "./shared/canvas.js";
import { row, slider, tick } from "./shared/controls.js";
import { button, make } from "./shared/elements.js";
import { latest } from "./shared/work.js";

interface State {
  /** The step, 0 .. 99. */
  t: number;
  points: readonly Point[];
  /** x_t under the pointer. */
  x: number;
  y: number;
  /** Whether a click puts a data point. */
  adding: boolean;
}

/** What the library says at one x_t. */
interface Said { readonly xt: Point; readonly eps: Point; readonly x0: Point; readonly score: Point; readonly posterior: readonly number[] }

const REACH = 2.2, SIDE = 24, SIZE = 340, MOST = 12;

export function mount(place: HTMLElement, given: Partial<State> = {}): Figure<State> {
  const state: State = { t: 40, points: FIVE, x: 0.1, y: 0.3, adding: false, ...given };
  const process = discreteProcess({ name: "scaled-linear", timesteps: 100 });
  const cells = grid(SIDE, REACH);
  let device: Device | undefined;
  let field: ArrayLike<number> | undefined;
  let said: Said | undefined;
  let failure: string | undefined;

  const across = (v: number): number => ((v + REACH) / (2 * REACH)) * SIZE, down = (v: number): number => ((REACH - v) / (2 * REACH)) * SIZE;
  const plane = panel({ width: SIZE, height: SIZE, most: 420, label: "The field of scores", paint: paintPlane });
  const bars = panel({ width: 220, height: 200, label: "Probabilities of the data points", paint: paintBars });

  function paintPlane(context: CanvasRenderingContext2D, colors: Colors): void {
    const { alpha } = process.at(state.t);
    if (field !== undefined) {
      context.strokeStyle = colors.rule;
      context.lineWidth = 1;
      const longest = 0.9 * SIZE / SIDE;
      for (let i = 0; i < cells.length; i += 2) {
        const [u, v] = [-field[i], -field[i + 1]], size = Math.hypot(u, v);            // -eps: the score times sigma
        const length = longest * Math.tanh(size) / (size || 1);
        const [x, y] = [across(cells[i]), down(cells[i + 1])];
        arrow(context, x - u * length / 2, y + v * length / 2, x + u * length / 2, y - v * length / 2, 3);
      }
    }
    if (said !== undefined) {
      said.posterior.forEach((r, i) => {
        context.strokeStyle = colors.blue;
        context.globalAlpha = Math.min(1, 0.1 + r);
        context.lineWidth = 0.5 + 5 * r;
        const [x, y] = state.points[i];
        context.beginPath();
        context.moveTo(across(said!.xt[0]), down(said!.xt[1]));
        context.lineTo(across(x), down(y));
        context.stroke();
      });
      context.globalAlpha = 1;
    }
    context.strokeStyle = colors.ink;
    context.lineWidth = 1;
    for (const [i, [x, y]] of state.points.entries()) {
      context.fillStyle = colors.ink;
      dot(context, across(x), down(y), 4.5);
      context.font = "12px system-ui, sans-serif";
      context.fillText(String(i + 1), across(x) + 7, down(y) - 5);
      context.beginPath();                                                              // where it stands at this t: alpha x
      context.arc(across(alpha * x), down(alpha * y), 4, 0, 2 * Math.PI);
      context.stroke();
    }
    if (said === undefined) return;
    context.fillStyle = colors.orange;
    context.strokeStyle = colors.red;
    context.lineWidth = 3;
    const [gx, gy] = [across(said.x0[0]), down(said.x0[1])];
    for (const turn of [-1, 1]) {
      context.beginPath();
      context.moveTo(gx - 6, gy - 6 * turn);
      context.lineTo(gx + 6, gy + 6 * turn);
      context.stroke();
    }
    dot(context, across(said.xt[0]), down(said.xt[1]), 6);
  }

  function paintBars(context: CanvasRenderingContext2D, colors: Colors): void {
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = colors.soft;
    context.fillText("q(point | x_t)", 4, 14);
    if (said === undefined) return;
    const height = Math.min(26, 170 / said.posterior.length);
    said.posterior.forEach((r, i) => {
      const y = 24 + i * height;
      context.fillStyle = colors.ink;
      context.fillText(String(i + 1), 4, y + height / 2 + 4);
      context.fillStyle = colors.blue;
      context.fillRect(24, y + 3, Math.max(1, 140 * r), height - 6);
      context.fillStyle = colors.ink;
      context.fillText(r.toFixed(3), 170, y + height / 2 + 4);
    });
  }

  const inside = (v: number): number => Math.min(REACH, Math.max(-REACH, v));
  const update = (change: Partial<State>): void => {
    Object.assign(state, change);
    state.t = Math.min(99, Math.max(0, Math.round(state.t)));
    [state.x, state.y] = [inside(state.x), inside(state.y)];
    show();
  };
  const time = slider({ label: "step t", min: 0, max: 99, value: state.t, onInput: (t) => update({ t }) });
  const [px, py] = (["x", "y"] as const).map((name) => slider({
    label: `x_t: ${name}`, min: -REACH, max: REACH, step: 0.05, value: state[name], text: (v) => v.toFixed(2), onInput: (v) => update({ [name]: v }),
  }));
  const adding = tick("a click puts a data point", state.adding, (on) => update({ adding: on }));
  const numbers = make("p", { class: "numbers soft" });

  plane.canvas.style.cursor = "crosshair";
  plane.canvas.style.touchAction = "pan-y";                                              // a phone still scrolls
  const pointed = (event: PointerEvent): Point => {
    const [x, y] = plane.at(event);
    return [inside((x / SIZE) * 2 * REACH - REACH), inside(REACH - (y / SIZE) * 2 * REACH)];
  };
  const follow = (event: PointerEvent): void => {
    const [x, y] = pointed(event);
    update({ x, y });
  };
  const add = (point: Point): void => {
    if (state.points.length < MOST) update({ points: [...state.points, point] });
  };
  plane.canvas.addEventListener("pointermove", follow);
  plane.canvas.addEventListener("pointerdown", (event) => {
    if (state.adding) add(pointed(event));
    else follow(event);
  });

  /** One question to the denoiser for the whole field and the pointer: [SIDE^2 + 1, 2]. */
  const asking = latest(async () => {
    device ??= await openDevice("reference");
    const at = process.at(state.t), { points } = state, xt: Point = [state.x, state.y];
    const denoise = exactDenoiser({ weights: points.map(() => 1 / points.length), means: points, sd: 0 });
    const made = device.scope(() => {
      const f64 = { device: device!, dtype: "f64" } as const;
      const { eps, x0 } = denoise(concat([tensor(cells, { ...f64, shape: [SIDE * SIDE, 2] }), tensor([[...xt]], f64)], 0), at);
      return { eps, x0 };
    });
    const [eps, x0] = [await made.eps.data(), await made.x0.data()];
    made.eps.dispose();
    made.x0.dispose();
    field = eps;
    const last = 2 * SIDE * SIDE, mine: Point = [eps[last], eps[last + 1]];
    said = {
      xt, eps: mine, x0: [x0[last], x0[last + 1]], score: [-mine[0] / at.sigma, -mine[1] / at.sigma], posterior: posteriorOver(xt, points, at),
    };
    describe();
    plane.draw();
    bars.draw();
  }, (error) => {
    failure = String(error);
    console.error(error);
  });

  const pair = ([x, y]: Point): string => `(${x.toFixed(2)}, ${y.toFixed(2)})`;
  function describe(): void {
    if (said === undefined) return;
    const { xt, x0, score, posterior } = said;
    numbers.textContent = `x_t ${pair(xt)} orange, the best guess x0* ${pair(x0)} red, score ${pair(score)}, eps* ${pair(said.eps)}`;
    plane.describe(`${state.points.length} data points and the field of scores at step ${state.t}. At x_t ${pair(xt)} the best guess of x0 is ${pair(x0)}, the score ${pair(score)}`);
    bars.describe(`Probabilities of the data points given x_t: ${posterior.map((r, i) => `${i + 1}: ${r.toFixed(3)}`).join(", ")}`);
  }

  function show(): void {
    time.set(state.t);
    px.set(state.x);
    py.set(state.y);
    adding.set(state.adding);
    asking.ask();
  }

  place.replaceChildren(
    row(time.element, px.element, py.element),
    panels([plane, "filled: the data; hollow: alpha x, where it stands at t; arrows: the score"], [bars, "where x_t may have come from"]),
    row(adding.element, button("a data point at x_t", () => add([state.x, state.y])), button("the five again", () => update({ points: FIVE }))), numbers,
  );
  show();

  return {
    set: update,
    read: () => ({ ...state, ...said, ...process.at(state.t), ready: said !== undefined && asking.idle(), failure }),
    dispose() {
      asking.dispose();
      plane.dispose();
      bars.dispose();
      void device?.dispose();
      place.replaceChildren();
    },
  };
}
