/** Controls that show a state: each has its label, and is told the value that it shows. */
import { make } from "./elements.js";

/** A row of controls, wrapping where there is no room. */
export function row(...children: (Node | string)[]): HTMLElement {
  return make("div", { class: "row" }, ...children);
}

export interface Slider {
  readonly element: HTMLElement;
  set(value: number, text?: string): void;
  /** Another range, for what depends on other choices. */
  limit(max: number): void;
}

/** A slider with its value in words beside it. */
export function slider(
  { label, min, max, step = 1, value, text = String, onInput }: {
    label: string; min: number; max: number; step?: number | "any"; value: number; text?: (value: number) => string; onInput(value: number): void;
  },
): Slider {
  const input = make("input", { type: "range", min, max, step });
  const output = make("output", {}, text(value));
  input.value = String(value);
  input.setAttribute("aria-valuetext", text(value));
  input.addEventListener("input", () => onInput(Number(input.value)));
  return {
    element: make("label", {}, label, input, output),
    set(next, words = text(next)) {
      if (Number(input.value) !== next) input.value = String(next);
      output.textContent = words;
      input.setAttribute("aria-valuetext", words);
    },
    limit(next) {
      input.max = String(next);
    },
  };
}

export interface Choice<V extends string> { readonly element: HTMLElement; set(value: V): void }

/** A list to choose from: values with what they are called. */
export function choice<V extends string>(
  { label, options, value, onChange }: { label: string; options: Readonly<Record<V, string>>; value: V; onChange(value: V): void },
): Choice<V> {
  const select = make("select", {}, ...Object.entries<string>(options).map(([name, text]) => make("option", { value: name }, text)));
  select.value = value;
  select.addEventListener("change", () => onChange(select.value as V));
  return {
    element: make("label", {}, label, select),
    set(next) {
      select.value = next;
    },
  };
}

/** A tick box. */
export function tick(label: string, checked: boolean, onChange: (checked: boolean) => void): { readonly element: HTMLElement; set(checked: boolean): void } {
  const input = make("input", { type: "checkbox" });
  input.checked = checked;
  input.addEventListener("change", () => onChange(input.checked));
  return {
    element: make("label", {}, input, label),
    set(next) {
      input.checked = next;
    },
  };
}
