/**
 * Updates: the only functions that replace the contents of tensors, for optimisers and moving averages. They take all tensors at once,
 * for one kernel; tensors that belong together have one shape, and the updated ones keep their identity.
 */
import { run } from "../../core/device.js";
import { ShapeError } from "../../core/errors.js";
import type { Scalars } from "../../kernels/contract.js";
import { sameShape } from "../../core/shape.js";
import { Tensor } from "../../core/tensor.js";
import { matchShapes, type Pattern } from "../shared/match-shapes.js";

/** A parameter, its two moments, and its gradient. */
export interface AdamTensors { readonly p: Tensor; readonly m: Tensor; readonly v: Tensor; readonly g: Tensor }

/** lr, beta1, beta2, eps; correction1 = 1 - beta1^t, correction2 = 1 - beta2^t; weightDecay (decoupled); gradScale (clipping). */
export type AdamScalars = Scalars<"adam">;

/**
 * One step of AdamW for each entry of the list; replaces p, m and v. With g' = gradScale g:
 *   m = beta1 m + (1 - beta1) g', v = beta2 v + (1 - beta2) g'^2,
 *   p = p (1 - lr weightDecay) - lr (m / correction1) / (sqrt(v / correction2) + eps).
 * Source: Kingma and Ba (2014), algorithm 1; Loshchilov and Hutter (2017), algorithm 2. Throws ShapeError, also for a tensor that is
 * there twice.
 */
export function adamUpdate(list: readonly AdamTensors[], scalars: AdamScalars): void {
  if (list.length === 0) return;
  const sizes = list.map((entry) => commonSize("adamUpdate", entry, ["p", "m", "v", "g"]));
  assertDistinct("adamUpdate", list, ["p", "m", "v"]);
  const all = (name: keyof AdamTensors): Tensor[] => list.map((entry) => entry[name]);
  run("adam", { p: all("p"), m: all("m"), v: all("v"), g: all("g") }, { sizes }, scalars);
}

/** What `adamUpdate` takes, and a moving average that follows p. */
export interface AdamEmaTensors extends AdamTensors { readonly target: Tensor }

/**
 * `adamUpdate`, then `emaUpdate` of target towards what p is then, in one pass, with the same bits; replaces p, m, v and target.
 * Throws ShapeError as `adamUpdate`.
 */
export function adamEmaUpdate(list: readonly AdamEmaTensors[], scalars: AdamScalars, decay: number): void {
  if (list.length === 0) return;
  const sizes = list.map((entry) => commonSize("adamEmaUpdate", entry, ["p", "m", "v", "g", "target"]));
  assertDistinct("adamEmaUpdate", list, ["p", "m", "v", "target"]);
  const all = (name: keyof AdamEmaTensors): Tensor[] => list.map((entry) => entry[name]);
  const inputs = { p: all("p"), m: all("m"), v: all("v"), g: all("g"), target: all("target") };
  run("adamEma", inputs, { sizes }, { ...scalars, decay });
}

/** A moving average and what it follows. */
export interface EmaTensors { readonly target: Tensor; readonly source: Tensor }

/** target = decay target + (1 - decay) source for each entry of the list; replaces target. Throws ShapeError as `adamUpdate`. */
export function emaUpdate(list: readonly EmaTensors[], decay: number): void {
  if (list.length === 0) return;
  const sizes = list.map((entry) => commonSize("emaUpdate", entry, ["target", "source"]));
  assertDistinct("emaUpdate", list, ["target"]);
  run("ema", { target: list.map(({ target }) => target), source: list.map(({ source }) => source) }, { sizes }, { decay });
}

/** target = source; replaces target. Throws ShapeError. */
export function assign(target: Tensor, source: Tensor): void {
  const { "...": n } = matchShapes("assign", { target: [target, "..."], source: [source, "..."] });
  run("assign", { target, source }, { n }, {});
}

/** How many elements the tensors of an entry have, each; of one shape they must be, or matchShapes is asked for the error's words. */
function commonSize<N extends string>(op: string, entry: { readonly [name in N]: Tensor }, names: readonly N[]): number {
  const first: unknown = entry[names[0]];
  if (first instanceof Tensor && first.size > 0 && names.every((name) => isAlike(entry[name], first))) return first.size;
  const patterns: Record<string, Pattern<"...">> = Object.fromEntries(names.map((name) => [name, [entry[name], "..."]]));
  return matchShapes(op, patterns)["..."];
}

function isAlike(t: unknown, first: Tensor): boolean {
  return t instanceof Tensor && sameShape(t.shape, first.shape);
}

/** How many lists were looked through so far: what their buffers are marked with. */
let marks = 0;

/** The parts of a list run in any order: no tensor may be replaced twice. */
function assertDistinct<N extends string>(op: string, list: readonly { readonly [name in N]: Tensor }[], names: readonly N[]): void {
  const mark = ++marks;
  for (const entry of list) {
    for (const name of names) {
      const { buffer } = entry[name];
      if (buffer.mark === mark) throw new ShapeError(`${op}: a tensor that is replaced stands in the list twice`);
      buffer.mark = mark;
    }
  }
}
