/** A fixed part of a dataset that training never sees. */
import { checkValue, integer, type Kind } from "@fromnoise/nn/kinds";
import { checkIndex, type Dataset } from "./dataset.js";

/** What says how much is held out: 0 nothing, else one sample of so many. All of them would leave nothing to train on. */
export const holdOutKind: Kind<number> = {
  ...integer(), allowed: "0, whole numbers from 2", fits: (v): v is number => v !== 1 && integer().fits(v),
};

/** Two datasets that have no sample in common and together all samples; without `heldOut` nothing is held out. */
export interface SplitDataset { readonly training: Dataset; readonly heldOut: Dataset | undefined }

/**
 * Sample i is held out when i mod every = every - 1. That depends on its index alone, so it is the same in every run and for every
 * seed; and of a dataset sorted by class every class gives its share, to less than one sample. With `every` 0, or more than there are
 * samples, nothing is held out. Both parts keep the samples' order, labels and classes.
 * @throws ConfigError unless `every` is 0 or a whole number from 2.
 */
export function splitDataset(dataset: Dataset, every: number): SplitDataset {
  checkValue(holdOutKind, "holdOut", every);
  const held = every === 0 ? 0 : Math.floor(dataset.count / every);
  if (held === 0) return { training: dataset, heldOut: undefined };
  const left = dataset.count - held;
  const shown = (count: number): string => count.toLocaleString("en-US");
  return {
    training: part(dataset, left, (i) => i + Math.floor(i / (every - 1)), `${shown(left)} to train on, 1 in ${every} held out`),
    heldOut: part(dataset, held, (i) => i * every + every - 1, `the ${shown(held)} held out, 1 in ${every}`),
  };
}

/** So many samples of a dataset, which `which` says in words; sample i of them is the dataset's sample indexOf(i). */
function part(dataset: Dataset, count: number, indexOf: (i: number) => number, which: string): Dataset {
  const { name, shape, classes } = dataset;
  const index = (i: number): number => {
    checkIndex(name, i, count);
    return indexOf(i);
  };
  return {
    name, count, shape, sample: (i) => dataset.sample(index(i)), describe: () => `${dataset.describe()}; ${which}`,
    ...(dataset.label && { label: (i: number) => dataset.label!(index(i)) }), ...(classes !== undefined && { classes }),
  };
}
