/** Chapter 5: a backward that the reader edits, checked against differences, and the V curve of the error against their step. */
import { openDevice, type Device, type Tensor } from "@fromnoise/tensor";
import type { Figure } from "./figure.js";
import { check, compile, elements, inputOf, OPERATIONS, STEPS, type OperationName } from "./math/backward.js";
import { axes, line, panel, panels, type Colors } from "./shared/canvas.js";
import { choice, row } from "./shared/controls.js";
import { curves } from "./shared/curves.js";
import { button, make } from "./shared/elements.js";
import { breathe, latest } from "./shared/work.js";

interface State {
  operation: OperationName;
  /** The body of the backward, a function of dy and x. */
  code: string;
}

interface Found {
  readonly code: string;
  readonly pass: boolean;
  /** Relative error of the whole gradient at the usual step, and the worst element. */
  readonly error: number;
  readonly worst: { readonly index: readonly number[]; readonly analytic: number; readonly numeric: number };
  readonly analytic: readonly number[];
  readonly numeric: readonly number[];
}

const [LEAST, MOST] = [-14, 1];

export function mount(place: HTMLElement, given: Partial<State> = {}): Figure<State> {
  const operation = given.operation ?? "normalise";
  const state: State = { operation, code: OPERATIONS[operation].code, ...given };
  let device: Device | undefined;
  let x: Tensor | undefined;
  let found: Found | undefined;
  let curve: { step: number; error: number }[] = [];
  let problem: string | undefined;

  const bars = panel({ width: 320, height: 190, label: "Every element of dx", paint: paintBars });
  const vee = curves({
    label: "Error against the step", most: 320, lines: [{ color: () => (found?.pass === false ? "red" : "green"), dots: true }],
    x: { range: [-13.5, -0.5], ticks: [[-13, "1e-13"], [-9, "1e-9"], [-5, "1e-5"], [-1, "0.1"]] },
    y: { range: [LEAST, MOST], ticks: [[-12, "1e-12"], [-8, "1e-8"], [-4, "1e-4"], [0, "1"]] },
  });

  function paintBars(context: CanvasRenderingContext2D, colors: Colors): void {
    const n = found?.analytic.length ?? 12;
    const most = Math.max(0.1, ...[...(found?.analytic ?? []), ...(found?.numeric ?? [])].map(Math.abs)) * 1.1;
    const scale = axes(context, colors, {
      box: [34, 16, 312, 160], x: { from: 0, to: n, ticks: [[0.5, "0"], [n - 0.5, String(n - 1)]], title: "element of dx" },
      y: { from: -most, to: most, ticks: [[0, "0"], [most / 1.1, (most / 1.1).toFixed(1)]], title: "bars: your backward; lines: measured" },
    });
    if (found === undefined) return;
    for (let i = 0; i < n; i++) {
      const right = Math.abs(found.analytic[i] - found.numeric[i]) <= 1e-9 + 1e-6 * Math.abs(found.numeric[i]);
      context.fillStyle = right ? colors.green : colors.red;
      const top = scale.y(Math.max(0, found.analytic[i])), height = Math.max(1, Math.abs(scale.y(found.analytic[i]) - scale.y(0)));
      context.fillRect(scale.x(i + 0.2), top, scale.x(0.6) - scale.x(0), height);
      context.strokeStyle = colors.ink;
      context.lineWidth = 2;
      line(context, [[scale.x(i + 0.08), scale.y(found.numeric[i])], [scale.x(i + 0.92), scale.y(found.numeric[i])]]);
    }
  }

  function drawCurve(): void {
    vee.draw([curve.map(({ step }) => Math.log10(step)), curve.map(({ error }) => Math.min(MOST, Math.max(LEAST, Math.log10(error))))]);
  }

  const operations = choice<OperationName>({
    label: "operation", value: state.operation, onChange: (next) => update({ operation: next }),
    options: Object.fromEntries(Object.entries(OPERATIONS).map(([name, { title }]) => [name, title])) as Record<OperationName, string>,
  });
  const formula = make("span", { class: "soft" });
  const editor = make("textarea", { "aria-label": "the backward: dx from dy and x", "spellcheck": "false", "rows": 6, "autocapitalize": "off" });
  editor.style.cssText = "width: 100%; box-sizing: border-box; font: 13px/1.5 ui-monospace, monospace; padding: 0.5rem; color: var(--figure-ink, inherit); " +
    "background: var(--figure-paper, transparent); border: 1px solid var(--figure-rule, gray); border-radius: 6px; overflow-x: auto; white-space: pre;";
  editor.addEventListener("input", () => update({ code: editor.value }));
  const verdict = make("p", { "class": "numbers", "role": "status" });
  const planted = make("span", { class: "row" });

  const update = (change: Partial<State>): void => {
    const next = change.operation ?? state.operation;
    if (change.operation !== undefined && change.operation !== state.operation && change.code === undefined) state.code = OPERATIONS[next].code;
    Object.assign(state, change);
    show();
  };

  const checking = latest(async (stale) => {
    device ??= await openDevice("reference");
    x ??= inputOf(device);
    const { operation: name, code } = state;
    try {
      const backward = compile(code);
      const report = await check(name, backward, x);
      const [input] = report.inputs;
      await breathe();
      const values = await elements(name, backward, x);
      problem = undefined;
      found = { code, pass: report.pass, error: input.normRel, worst: input.worst, ...values };
      curve = [];
      describe();
      bars.draw();
      for (const step of STEPS) {
        await breathe();
        if (stale()) return;
        curve.push({ step, error: (await check(name, backward, x, step)).inputs[0].normRel });
        drawCurve();
      }
    } catch (error) {
      [found, curve, problem] = [undefined, [], (error as Error).message];
    }
    describe();
    bars.draw();
    drawCurve();
  }, (error) => {
    problem = String(error);
    console.error(error);
  });

  function describe(): void {
    if (found === undefined) {
      verdict.textContent = problem === undefined ? "checking …" : `This does not run: ${problem.split("\n")[0]}`;
      verdict.style.color = problem === undefined ? "" : "var(--figure-red, red)";
    } else {
      const { pass, error, worst } = found;
      verdict.textContent = pass ? `Right: all ${found.analytic.length} elements agree with what is measured, error ${error.toExponential(1)}` :
        `WRONG: error ${error.toExponential(1)}; element [${worst.index.join(", ")}] is ${worst.analytic.toPrecision(4)}, measured ${worst.numeric.toPrecision(4)}`;
      verdict.style.color = pass ? "var(--figure-green, green)" : "var(--figure-red, red)";
    }
    bars.describe(`dx by the backward and as measured. ${verdict.textContent}`);
    vee.describe(`Error of the gradient against the step of the differences: ${curve.map(({ step, error }) => `${step}: ${error.toExponential(0)}`).join(", ")}`);
  }

  function show(): void {
    const { title, formula: text, code, bugs } = OPERATIONS[state.operation];
    operations.set(state.operation);
    formula.textContent = text;
    if (editor.value !== state.code) editor.value = state.code;
    editor.setAttribute("aria-label", `the backward of ${title}: dx from dy and x`);
    planted.replaceChildren(
      button("the right one", () => update({ code }), { class: "primary" }),
      ...Object.entries<string>(bugs).map(([what, wrong]) => button(`bug: ${what}`, () => update({ code: wrong }))),
    );
    checking.ask();
  }

  place.replaceChildren(
    row(operations.element, formula), editor, planted, verdict,
    panels([bars, "each element, moved to both sides"], [vee, "error of the whole gradient over the step of the differences: a right backward is a V, a wrong one is flat"]),
  );
  show();

  return {
    set: update,
    read: () => ({
      ...state, ...found, curve, problem, color: verdict.style.color,
      ready: checking.idle() && (found !== undefined || problem !== undefined) && (found === undefined || curve.length === STEPS.length),
    }),
    dispose() {
      checking.dispose();
      bars.dispose();
      vee.dispose();
      void device?.dispose();
      place.replaceChildren();
    },
  };
}
