/** Curves that are drawn while they are computed: uPlot in the page's colours, light and dark, as wide as there is room. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colorsOf, type Colors, type Shown } from "./canvas.js";
import { make } from "./elements.js";

export interface Curve {
  readonly color: keyof Colors | (() => keyof Colors);
  readonly width?: number;
  readonly opacity?: number;
  /** Whether each value has a dot. */
  readonly dots?: boolean;
}

export interface Axis {
  /** From where to where; a function of the data's least and largest value where it grows with them. */
  readonly range?: readonly [from: number, to: number] | ((least: number, largest: number) => [from: number, to: number]);
  readonly log?: boolean;
  /** Values with their texts, where uPlot's own will not do. */
  readonly ticks?: readonly (readonly [value: number, text: string])[];
}

/** Values of x, then those of each curve at them; null where a curve has none. */
export type CurveData = readonly [x: readonly number[], ...ys: (readonly (number | null)[])[]];

export interface Curves extends Shown {
  /** Shows other values with the next frame of the screen, and a line across them at `mark`. */
  draw(data: CurveData, mark?: number): void;
  /** What a reader hears who does not see it. */
  describe(text: string): void;
  dispose(): void;
}

/** Room for curves under one name, `height` pixels high and at most `most` wide. */
export function curves(
  { label, height = 190, most, x, y, lines }: { label: string; height?: number; most: number; x: Axis; y: Axis; lines: readonly Curve[] },
): Curves {
  const element = make("div", { "role": "img", "aria-label": label });
  element.style.cssText = `width: 100%; max-width: ${most}px; height: ${height}px; overflow: hidden;`;
  let chart: uPlot | undefined, data: CurveData = [[], ...lines.map(() => [])], mark: number | undefined;
  let colors: Colors, frame = 0;

  const scale = ({ range, log = false }: Axis): uPlot.Scale => ({
    time: false, distr: log ? 3 : 1,
    ...(range === undefined ? {} : { range: typeof range === "function" ? (_, least, largest) => range(least ?? 0, largest ?? 0) : [...range] }),
  });
  const axis = ({ ticks }: Axis, room: object): uPlot.Axis => ({
    ...room, stroke: () => colors.soft, font: "11px system-ui, sans-serif", ticks: { show: false }, grid: { stroke: () => colors.rule, width: 0.25 },
    border: { show: true, stroke: () => colors.rule, width: 1 },
    ...(ticks === undefined ? {} : { splits: () => ticks.map(([value]) => value), values: () => ticks.map(([, text]) => text), filter: (_: uPlot, splits: number[]) => splits }),
  });
  const paint = ({ color }: Curve): string => colors[typeof color === "function" ? color() : color];

  const open = (width: number): uPlot => new uPlot({
    width, height, legend: { show: false }, cursor: { show: false }, scales: { x: scale(x), y: scale(y) },
    axes: [axis(x, { size: 26 }), axis(y, { size: 48 })],
    series: [{}, ...lines.map((curve): uPlot.Series => ({
      stroke: () => paint(curve), width: curve.width ?? 2, alpha: curve.opacity ?? 1, points: { show: curve.dots ?? false, size: 6, fill: () => paint(curve) },
    }))],
    hooks: {
      draw: [({ ctx, valToPos, bbox: { top, height: inside } }) => {
        if (mark === undefined) return;
        const at = valToPos(mark, "x", true);
        ctx.strokeStyle = colors.ink;
        ctx.lineWidth = devicePixelRatio;
        ctx.beginPath();
        ctx.moveTo(at, top);
        ctx.lineTo(at, top + inside);
        ctx.stroke();
      }],
    },
  }, data as unknown as uPlot.AlignedData, element);

  const now = (): void => {
    frame = 0;
    const width = element.clientWidth;
    if (width === 0) return;
    colors = colorsOf(element);
    if (chart === undefined) {
      chart = open(width);
      return;
    }
    if (chart.width !== width) chart.setSize({ width, height });
    chart.setData(data as unknown as uPlot.AlignedData);
  };
  const again = (): void => {
    frame ||= requestAnimationFrame(now);
  };
  const sizes = new ResizeObserver(again);
  sizes.observe(element);
  const scheme = new MutationObserver(again);
  scheme.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  return {
    element, most,
    draw(next, at) {
      [data, mark] = [next, at];
      again();
    },
    describe: (text) => element.setAttribute("aria-label", text),
    dispose() {
      cancelAnimationFrame(frame);
      sizes.disconnect();
      scheme.disconnect();
      chart?.destroy();
    },
  };
}
