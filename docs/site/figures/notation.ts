/** Type a level of noise in one paper's words, read it in all. */
import type { Figure } from "./figure.js";
import { make } from "./shared/elements.js";
import { conventions, convertNotation } from "./shared/notation.js";

export interface NotationState { key: string; value: number }

/** Six digits that say something, without an exponent where that is short. */
const shown = (value: number): string => String(Number(value.toPrecision(7)));

export function mount(element: HTMLElement, given: Partial<NotationState> = {}): Figure<NotationState> {
  const state: NotationState = { key: "alphaBar", value: 0.5, ...given };
  let values = convertNotation(state.key, state.value);
  const message = make("p", { class: "figure-error", role: "alert" });
  const inputs = conventions.map(({ key, name }) => {
    const input = make("input", { type: "text", inputmode: "decimal", "aria-label": name, size: 10 });
    input.addEventListener("input", () => {
      const value = Number(input.value);
      if (input.value.trim() === "" || Number.isNaN(value)) return say(`${input.value} is no number`);
      return set({ key, value }, input);
    });
    return input;
  });
  const head = make("tr", {}, ...["who", "value", "symbol", "their x at this level"].map((text) => make("th", { scope: "col" }, text)));
  const rows = conventions.map(({ name, symbol, mix }, i) =>
    make("tr", {}, make("th", { scope: "row", style: "text-align: left; font-weight: 400" }, name), make("td", {}, inputs[i]), make("td", {}, make("code", {}, symbol)), make("td", {}, make("code", {}, mix))));
  const scroll = make("div", { style: "overflow-x: auto", tabindex: 0, role: "group", "aria-label": "One level of noise in eight conventions" },
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
  element.append(scroll, message);

  function say(text: string): void {
    message.textContent = text;
  }

  /** The field that is typed in keeps what was typed. */
  function set(change: Partial<NotationState>, typed?: HTMLInputElement): void {
    const next = { ...state, ...change };
    try {
      values = convertNotation(next.key, next.value);
    } catch (error) {
      return say((error as Error).message);
    }
    Object.assign(state, next);
    say("");
    conventions.forEach(({ key }, i) => {
      if (inputs[i] !== typed) inputs[i].value = shown(values[key]);
    });
    return undefined;
  }

  set({});
  return { set: (change) => set(change), read: () => ({ ...values, key: state.key, message: message.textContent }), dispose: () => element.replaceChildren() };
}
