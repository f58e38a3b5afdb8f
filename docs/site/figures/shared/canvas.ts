/** A canvas that is as sharp as the screen, follows the width of the page and its colours, and says in words what it shows. */
import { make } from "./elements.js";

/** The colours of the page, light or dark. */
export interface Colors {
  readonly ink: string; readonly soft: string; readonly rule: string; readonly paper: string;
  readonly blue: string; readonly red: string; readonly green: string; readonly orange: string; readonly violet: string;
}

const FALLBACK: Colors = {
  ink: "#1f2328", soft: "#57606a", rule: "#8c959f", paper: "#ffffff",
  blue: "#0b5cc4", red: "#b3261e", green: "#1a7f37", orange: "#a04a00", violet: "#6f42c1",
};

/** The colours of the page where an element stands. */
export function colorsOf(place: Element): Colors {
  const style = getComputedStyle(place);
  const read = ([name, fallback]: [string, string]): [string, string] => [name, style.getPropertyValue(`--figure-${name}`).trim() || fallback];
  return Object.fromEntries(Object.entries(FALLBACK).map((entry) => read(entry as [string, string]))) as unknown as Colors;
}

/** What stands in a figure beside others: its element, and how many pixels of the page wide that gets at most. */
export interface Shown { readonly element: HTMLElement; readonly most: number }

export interface Panel extends Shown {
  readonly canvas: HTMLCanvasElement;
  /** Draws with the next frame of the screen, once however often it is asked, and again whenever size or colours of the page change. */
  draw(): void;
  /** What a reader hears who does not see it. */
  describe(text: string): void;
  /** Where an event lies, in the panel's own units. */
  at(event: PointerEvent): [x: number, y: number];
  dispose(): void;
}

/**
 * A panel of width : height as given, at most `most` pixels of the page wide. `paint` gets a context in units in which the panel is
 * `width` wide, and its width and height.
 */
export function panel(
  { width, height, most = width, label, paint }: {
    width: number; height: number; most?: number; label: string;
    paint(context: CanvasRenderingContext2D, colors: Colors, size: { width: number; height: number }): void;
  },
): Panel {
  const canvas = make("canvas", { "role": "img", "aria-label": label });
  canvas.style.cssText = `display: block; width: 100%; max-width: ${most}px; aspect-ratio: ${width} / ${height};`;
  let frame = 0;
  const draw = (): void => {
    frame ||= requestAnimationFrame(now);
  };
  const now = (): void => {
    frame = 0;
    const shown = canvas.getBoundingClientRect().width;
    if (shown === 0) return;
    const scale = (shown * (window.devicePixelRatio || 1)) / width;
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    const context = canvas.getContext("2d")!, colors = colorsOf(canvas);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.fillStyle = colors.paper;
    context.fillRect(0, 0, width, height);
    paint(context, colors, { width, height });
  };
  const sizes = new ResizeObserver(draw);
  sizes.observe(canvas);
  const scheme = new MutationObserver(draw);
  scheme.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  return {
    canvas, element: canvas, most, draw,
    describe: (text) => canvas.setAttribute("aria-label", text),
    at(event) {
      const box = canvas.getBoundingClientRect();
      return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
    },
    dispose() {
      cancelAnimationFrame(frame);
      sizes.disconnect();
      scheme.disconnect();
    },
  };
}

/** An arrow from one place to another with a head at its end. */
export function arrow(context: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number, head = 4): void {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (length < 1e-6) return;
  const [u, v] = [(x1 - x0) / length, (y1 - y0) / length], size = Math.min(head, length);
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.moveTo(x1 - size * (u + 0.6 * v), y1 - size * (v - 0.6 * u));
  context.lineTo(x1, y1);
  context.lineTo(x1 - size * (u - 0.6 * v), y1 - size * (v + 0.6 * u));
  context.stroke();
}

/** A filled dot. */
export function dot(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/** Axes of a chart: where a number lies on the panel, from the ranges of x and y and the box that they fill. */
export interface Scale { x(value: number): number; y(value: number): number }

/** Draws the frame of a chart with ticks and titles, and gives its scale. y grows upwards. */
export function axes(
  context: CanvasRenderingContext2D, colors: Colors,
  { box: [left, top, right, bottom], x, y }: {
    box: readonly [left: number, top: number, right: number, bottom: number]; x: Axis; y: Axis;
  },
): Scale {
  const place = ({ from, to }: Axis, a: number, b: number) => (value: number): number => a + ((value - from) / (to - from)) * (b - a);
  const scale = { x: place(x, left, right), y: place(y, bottom, top) };
  context.strokeStyle = colors.rule;
  context.fillStyle = colors.soft;
  context.lineWidth = 1;
  context.font = "11px system-ui, sans-serif";
  context.strokeRect(left, top, right - left, bottom - top);
  context.textAlign = "center";
  for (const [value, text] of x.ticks) context.fillText(text, scale.x(value), bottom + 13);
  if (x.title !== undefined) context.fillText(x.title, (left + right) / 2, bottom + 26);
  context.textAlign = "right";
  for (const [value, text] of y.ticks) context.fillText(text, left - 4, scale.y(value) + 4);
  context.textAlign = "left";
  if (y.title !== undefined) context.fillText(y.title, left, top - 5);
  return scale;
}

export interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly (readonly [value: number, text: string])[];
  readonly title?: string;
}

/** A line through points of the chart. */
export function line(context: CanvasRenderingContext2D, points: Iterable<readonly [x: number, y: number]>): void {
  context.beginPath();
  let first = true;
  for (const [x, y] of points) {
    if (first) context.moveTo(x, y);
    else context.lineTo(x, y);
    first = false;
  }
  context.stroke();
}

/** Panels side by side where there is room, each with a line under it. */
export function panels(...shown: readonly (readonly [shown: Shown, caption: string])[]): HTMLElement {
  const place = make("div");
  place.style.cssText = "display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start;";
  for (const [{ element, most }, caption] of shown) {
    const each = make("div", {}, element, make("div", { class: "soft" }, caption));
    each.style.cssText = `flex: 1 1 min(${0.8 * most}px, 17rem); max-width: ${most}px;`;   // a little less is better than a row of its own
    place.append(each);
  }
  return place;
}
