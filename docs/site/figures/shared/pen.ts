/** A pen on a panel: the pointer draws while it is down, and so do the keys, with a cursor that is seen. */
import type { Colors, Panel } from "./canvas.js";

export interface Pen {
  /** Draws the cross of the keys' pen, thick while it is down, where that is in use. */
  paint(context: CanvasRenderingContext2D, colors: Colors): void;
  /** What the pen does, for the panel's label. */
  words(): string;
  /** Whether the panel is drawn on now; else its keys scroll the page as ever. */
  enable(on: boolean): void;
}

const ARROWS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

/**
 * `draw` gets where the pen is, in units of the panel, and whether a line begins there. Arrow keys move the pen by a step, with Shift by four;
 * Space and Enter put it down and lift it. `changed` is called where only the pen has moved.
 */
export function pen(
  { canvas, at }: Panel, { size, step, draw, changed }: { size: number; step: number; draw(x: number, y: number, begins: boolean): void; changed(): void },
): Pen {
  let enabled = true, dragging = false, used = false, down = false;
  let [x, y] = [size / 2, size / 2];
  const place = (): string => `${Math.round((100 * x) / size)} % across, ${Math.round((100 * y) / size)} % down`;

  canvas.style.cursor = "crosshair";
  canvas.addEventListener("pointerdown", (event) => {
    if (!enabled) return;
    [dragging, used, down] = [true, false, false];
    canvas.setPointerCapture(event.pointerId);
    draw(...at(event), true);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (dragging) draw(...at(event), false);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => void (dragging = false));

  canvas.addEventListener("keydown", (event) => {
    const by = ARROWS[event.key], press = event.key === " " || event.key === "Enter";
    if (!enabled || (by === undefined && !press) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    used = true;
    const inside = (v: number): number => Math.min(size, Math.max(0, v)), far = step * (event.shiftKey ? 4 : 1);
    if (by !== undefined) [x, y] = [inside(x + far * by[0]), inside(y + far * by[1])];
    else down = !down;
    if (down) draw(x, y, press);
    else changed();
  });
  canvas.addEventListener("blur", () => {
    if (!used) return;
    used = down = false;
    changed();
  });

  const self: Pen = {
    paint(context, colors) {
      if (!used) return;
      const reach = 0.045 * size;
      for (const [color, width] of [[colors.paper, down ? 5 : 4], [colors.red, down ? 3 : 1.5]] as const) {
        context.strokeStyle = color;
        context.lineWidth = width;
        context.beginPath();
        context.moveTo(x - reach, y);
        context.lineTo(x + reach, y);
        context.moveTo(x, y - reach);
        context.lineTo(x, y + reach);
        context.stroke();
      }
    },
    words: () => (enabled ? `Draw with the pointer, or with keys: arrows move the pen, Space puts it down or lifts it. It is ${down ? "down" : "up"}, ${place()}` : ""),
    enable(on) {
      enabled = on;
      if (!on) dragging = used = down = false;
      canvas.style.cursor = on ? "crosshair" : "";
      canvas.tabIndex = on ? 0 : -1;
      canvas.setAttribute("role", on ? "application" : "img");                     // keys reach the page, not the reader's own program
    },
  };
  self.enable(true);
  return self;
}
