/** Bars of a few numbers as SVG, in the page's colours. */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 600, HEIGHT = 120, FLOOR = 104;

export interface Bars {
  readonly element: SVGSVGElement;
  /** Shows numbers from 0, with their text for those who do not see them. */
  draw(values: readonly number[], text: string): void;
}

/** Room for so many bars under one name. */
export function bars(count: number, name: string): Bars {
  const element = document.createElementNS(SVG, "svg");
  element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", name);
  element.style.width = "100%";
  const each = WIDTH / count;
  const parts = Array.from({ length: count }, (_, i) => {
    const rect = document.createElementNS(SVG, "rect"), text = document.createElementNS(SVG, "text");
    for (const [key, value] of Object.entries({ x: i * each + 4, width: each - 8, y: FLOOR, height: 0, fill: "var(--figure-blue)" })) rect.setAttribute(key, String(value));
    for (const [key, value] of Object.entries({ x: (i + 0.5) * each, y: FLOOR + 13, "text-anchor": "middle", "font-size": 11, fill: "var(--figure-soft)" })) text.setAttribute(key, String(value));
    element.append(rect, text);
    return { rect, text };
  });
  return {
    element,
    draw(values, text) {
      const largest = Math.max(1e-12, ...values);
      parts.forEach((part, i) => {
        const height = ((values[i] ?? 0) / largest) * (FLOOR - 6);
        part.rect.setAttribute("y", String(FLOOR - height));
        part.rect.setAttribute("height", String(height));
        part.text.textContent = values[i] === undefined ? "" : values[i].toFixed(3);
      });
      element.setAttribute("aria-label", `${name}: ${text}`);
    },
  };
}
