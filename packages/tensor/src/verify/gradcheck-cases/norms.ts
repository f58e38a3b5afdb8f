/** Gradient checks of the normalisations; statistics are part of the function, so that their gradient is checked too. */
import { adaGroupNormSilu } from "../../ops/neural/ada-group-norm-silu.js";
import { groupNorm } from "../../ops/neural/group-norm.js";
import { groupNormSilu } from "../../ops/neural/group-norm-silu.js";
import { layerNorm } from "../../ops/neural/layer-norm.js";
import { rmsNorm } from "../../ops/neural/rms-norm.js";
import { weightStandardize } from "../../ops/neural/weight-standardize.js";
import type { Tensor } from "../../core/tensor.js";
import { gradcheckCase, type GradcheckCase } from "./case.js";

const EPS = 1e-5;

/** [name, shape of x, groups]; the last axis of the shape holds the channels */
const groupings: readonly (readonly [string, readonly number[], number])[] = [
  ["2 groups of 3 channels", [2, 3, 2, 6], 2],
  ["one group", [2, 2, 3, 4], 1],
  ["a group for every channel", [1, 4, 3, 5], 5],
  ["no positions, batch 3", [3, 8], 2],
];

const groupNormCases = groupings.map(([name, shape, groups]) =>
  gradcheckCase("groupNorm", name, ({ normal }) => {
    const stats = (x: Tensor): Tensor => groupNorm.stats(x, { groups, eps: EPS });
    return {
      inputs: { x: normal(...shape), gamma: normal(shape[shape.length - 1]), beta: normal(shape[shape.length - 1]) },
      forward: ({ x, gamma, beta }) => groupNorm.forward(x, stats(x), gamma, beta, { groups }),
      backward: (dy, { x, gamma }) => groupNorm.backward(dy, x, stats(x), gamma, { groups }),
    };
  }));

const groupNormSiluCases = groupings.map(([name, shape, groups]) =>
  gradcheckCase("groupNormSilu", name, ({ normal }) => {
    const stats = (x: Tensor): Tensor => groupNorm.stats(x, { groups, eps: EPS });
    return {
      inputs: { x: normal(...shape), gamma: normal(shape[shape.length - 1]), beta: normal(shape[shape.length - 1]) },
      forward: ({ x, gamma, beta }) => groupNormSilu.forward(x, stats(x), gamma, beta, { groups }),
      backward: (dy, { x, gamma, beta }) => groupNormSilu.backward(dy, x, stats(x), gamma, beta, { groups }),
    };
  }));

const adaGroupNormSiluCases = groupings.map(([name, shape, groups]) =>
  gradcheckCase("adaGroupNormSilu", name, ({ normal }) => {
    const c = shape[shape.length - 1];
    return {
      inputs: { x: normal(...shape), gamma: normal(c), beta: normal(c), t: normal(shape[0], 2 * c) },
      forward: ({ x, gamma, beta, t }) => adaGroupNormSilu.forwardWithStats(x, gamma, beta, t, { groups, eps: EPS }).y,
      backward: (dy, { x, gamma, beta, t }) =>
        adaGroupNormSilu.backward(dy, x, groupNorm.stats(x, { groups, eps: EPS }), gamma, beta, t, { groups }),
    };
  }));

const layerNormCases = ([["rows [2, 3], 5 channels", [2, 3, 5]], ["one row", [1, 7]]] as const).map(([name, shape]) =>
  gradcheckCase("layerNorm", name, ({ normal }) => ({
    inputs: { x: normal(...shape), gamma: normal(shape[shape.length - 1]), beta: normal(shape[shape.length - 1]) },
    forward: ({ x, gamma, beta }) => layerNorm.forward(x, layerNorm.stats(x, { eps: EPS }), gamma, beta),
    backward: (dy, { x, gamma }) => layerNorm.backward(dy, x, layerNorm.stats(x, { eps: EPS }), gamma),
  })));

const rmsNormCases = ([
  ["image, 4 channels", [2, 3, 2, 4], {}],
  ["one row", [1, 5], {}],
  ["rows on both sides of eps", [9, 4], { eps: 2 }],
] as const).map(([name, shape, options]) =>
  gradcheckCase("rmsNorm", name, ({ normal }) => ({
    inputs: { x: normal(...shape), g: normal(shape[shape.length - 1]) },
    forward: ({ x, g }) => rmsNorm.forward(x, g, options),
    backward: (dy, { x, g }) => rmsNorm.backward(dy, x, g, options),
  })));

const weightStandardizeCases = ([["3x3, 2 to 3", [3, 3, 2, 3]], ["1x1, 5 to 4", [1, 1, 5, 4]]] as const).map(([name, shape]) =>
  gradcheckCase("weightStandardize", name, ({ normal }) => ({
    inputs: { w: normal(...shape) },
    forward: ({ w }) => weightStandardize.forward(w, { eps: EPS }),
    backward: (dy, { w }) => weightStandardize.backward(dy, w, { eps: EPS }),
  })));

export const normCases: readonly GradcheckCase[] = [
  ...groupNormCases, ...groupNormSiluCases, ...adaGroupNormSiluCases, ...layerNormCases, ...rmsNormCases, ...weightStandardizeCases,
];
