/** The losses there are by name: one line each. */
import { hybridLoss } from "./hybrid.js";
import { l1Loss } from "./l1.js";
import type { Loss, LossOptions } from "./loss.js";
import { mseLoss } from "./mse.js";
import { vlbLoss } from "./vlb.js";

/** All losses, by the names that configurations have for them. */
export const losses = {
  mse: mseLoss,
  l1: l1Loss,
  hybrid: hybridLoss,
  vlb: vlbLoss,
} as const satisfies Readonly<Record<string, (options: LossOptions) => Loss>>;

/** A loss by its name in configurations. */
export type LossName = keyof typeof losses;
/** Names of all losses. */
export const LOSSES = Object.keys(losses) as readonly LossName[];
