/**
 * Updates: the only functions that replace the contents of tensors, for optimisers and moving averages.
 * All tensors of a call have one shape; the updated ones keep their identity.
 */
import type { Scalars } from "../../kernels/contract.js";
import type { Tensor } from "../../core/tensor.js";
import { matchShapes } from "../shared/match-shapes.js";

/** A parameter, its two moments, and its gradient. */
export interface AdamTensors { p: Tensor; m: Tensor; v: Tensor; g: Tensor }

/** lr, beta1, beta2, eps; correction1 = 1 - beta1^t, correction2 = 1 - beta2^t; weightDecay (decoupled); gradScale (clipping). */
export type AdamScalars = Scalars<"adam">;

/**
 * One step of AdamW; replaces p, m and v. With g' = gradScale g:
 *   m = beta1 m + (1 - beta1) g', v = beta2 v + (1 - beta2) g'^2,
 *   p = p (1 - lr weightDecay) - lr (m / correction1) / (sqrt(v / correction2) + eps).
 * Source: Kingma and Ba (2014), algorithm 1; Loshchilov and Hutter (2017), algorithm 2. Throws ShapeError.
 */
export function adamUpdate({ p, m, v, g }: AdamTensors, scalars: AdamScalars): void {
  const { "...": n } = matchShapes("adamUpdate", { p: [p, "..."], m: [m, "..."], v: [v, "..."], g: [g, "..."] });
  p.device.update("adam", { p, m, v, g }, { n }, scalars);
}

/** target = decay target + (1 - decay) source; replaces target. Throws ShapeError. */
export function emaUpdate(target: Tensor, source: Tensor, decay: number): void {
  const { "...": n } = matchShapes("emaUpdate", { target: [target, "..."], source: [source, "..."] });
  target.device.update("ema", { target, source }, { n }, { decay });
}

/** target = source; replaces target. Throws ShapeError. */
export function assign(target: Tensor, source: Tensor): void {
  const { "...": n } = matchShapes("assign", { target: [target, "..."], source: [source, "..."] });
  target.device.update("assign", { target, source }, { n }, {});
}
