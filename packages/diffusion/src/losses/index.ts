/** The losses there are by name: one line each. */
import { hybridLoss } from "./hybrid.js";
import { l1Loss } from "./l1.js";
import type { Loss, LossOptions } from "./loss.js";
import { mseLoss } from "./mse.js";
import { vlbLoss } from "./vlb.js";

export const losses = {
  mse: mseLoss,
  l1: l1Loss,
  hybrid: hybridLoss,
  vlb: vlbLoss,
} as const satisfies Readonly<Record<string, (options: LossOptions) => Loss>>;

export type LossName = keyof typeof losses;
export const LOSSES = Object.keys(losses) as readonly LossName[];
