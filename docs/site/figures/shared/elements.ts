/** Elements of a figure, made in one line each. */

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** An element with attributes and children; `false` and `undefined` leave an attribute out, `true` sets it empty. */
export function make<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/** A button that does something. */
export function button(text: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const element = make("button", { type: "button", ...attributes }, text);
  element.addEventListener("click", onClick);
  return element;
}

export interface Slider { readonly label: HTMLLabelElement; readonly input: HTMLInputElement; readonly output: HTMLOutputElement }

/** A slider with its name before it and its value, as text, behind it. */
export function slider(text: string, range: { min: number; max: number; step: number; value: number }, onInput: (value: number) => void): Slider {
  const input = make("input", { type: "range", ...range });
  const output = make("output");
  input.addEventListener("input", () => onInput(input.valueAsNumber));
  return { label: make("label", {}, text, input, output), input, output };
}

/** A choice among named values. */
export function choice(text: string, values: readonly (readonly [value: string, name: string])[], onChange: (value: string) => void): { label: HTMLLabelElement; select: HTMLSelectElement } {
  const select = make("select", {}, ...values.map(([value, name]) => make("option", { value }, name)));
  select.addEventListener("change", () => onChange(select.value));
  return { label: make("label", {}, text, select), select };
}
