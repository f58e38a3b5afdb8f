import { trainConfig, type TrainConfig } from "./config.js";
import { digitsGuided } from "./recipes.js";

/** Steps that fit into four minutes on two cores: on Node 24 and later, whose V8 computes on 256 bits, and before. */
const STEPS = { wide: 3000, narrow: 2100 } as const;

/** What `npm run demo` trains: the recipe digits-guided, for as many steps as fit into four minutes on this version of Node. */
export function demoConfig(nodeVersion: string): TrainConfig {
  const steps = Number(nodeVersion.replace(/^v?(\d+).*$/, "$1")) >= 24 ? STEPS.wide : STEPS.narrow;
  return trainConfig({ ...digitsGuided.config, steps, profiles: { every: 0 }, previewEvery: 0 });
}
