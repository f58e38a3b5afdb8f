/** Elements and controls of a figure: plain DOM, each control with its label. */

type Child = Node | string;
type Attributes = Readonly<Record<string, string | number | boolean>>;

/** An element with attributes (false leaves one out, true is the bare one) and children. */
export function element<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: readonly Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

/** A row of controls, wrapping where there is no room. */
export function row(...children: readonly Child[]): HTMLElement {
  return element("div", { class: "row" }, ...children);
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
  const input = element("input", { type: "range", min, max, step });
  const output = element("output", {}, text(value));
  input.value = String(value);
  input.setAttribute("aria-valuetext", text(value));
  input.addEventListener("input", () => onInput(Number(input.value)));
  return {
    element: element("label", {}, label, input, output),
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
  const select = element("select", {}, ...Object.entries<string>(options).map(([name, text]) => element("option", { value: name }, text)));
  select.value = value;
  select.addEventListener("change", () => onChange(select.value as V));
  return {
    element: element("label", {}, label, select),
    set(next) {
      select.value = next;
    },
  };
}

/** A button; `primary` marks the one that a reader presses first. */
export function button(text: string, onClick: () => void, { primary = false }: { primary?: boolean } = {}): HTMLButtonElement {
  const made = element("button", { type: "button", class: primary ? "primary" : false }, text);
  made.addEventListener("click", onClick);
  return made;
}

/** A tick box. */
export function tick(label: string, checked: boolean, onChange: (checked: boolean) => void): { readonly element: HTMLElement; set(checked: boolean): void } {
  const input = element("input", { type: "checkbox" });
  input.checked = checked;
  input.addEventListener("change", () => onChange(input.checked));
  return {
    element: element("label", {}, input, label),
    set(next) {
      input.checked = next;
    },
  };
}
