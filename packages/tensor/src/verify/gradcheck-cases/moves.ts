/** Gradient checks of the ops that move or repeat elements: resampling, shuffles, concatenation, gathering. */
import { averagePool } from "../../ops/neural/average-pool.js";
import { concat } from "../../ops/array/concat.js";
import { embedding } from "../../ops/neural/embedding.js";
import { gather } from "../../ops/array/gather.js";
import { maxPool } from "../../ops/neural/max-pool.js";
import { pixelShuffle, pixelUnshuffle } from "../../ops/neural/pixel-shuffle.js";
import type { ScaleOptions } from "../../ops/shared/scale.js";
import { upsampleNearest } from "../../ops/neural/upsample-nearest.js";
import type { Tensor } from "../../core/tensor.js";
import { gradcheckCase, type GradcheckCase } from "./case.js";

interface Resampling {
  forward: (x: Tensor, options: ScaleOptions) => Tensor;
  backward: (dy: Tensor, options: ScaleOptions) => Tensor;
}

const resampleCase = (op: string, { forward, backward }: Resampling, shape: readonly number[], scale: number): GradcheckCase =>
  gradcheckCase(op, `scale ${scale}, x [${shape.join(", ")}]`, ({ normal }) => ({
    inputs: { x: normal(...shape) }, forward: ({ x }) => forward(x, { scale }), backward: (dy) => backward(dy, { scale }),
  }));

const maxPoolCase = (shape: readonly number[], scale: number): GradcheckCase =>
  gradcheckCase("maxPool", `scale ${scale}, x [${shape.join(", ")}]`, ({ normal }) => ({
    inputs: { x: normal(...shape) },
    forward: ({ x }) => maxPool.forward(x, { scale }),
    backward: (dy, { x }) => maxPool.backward(dy, x, { scale }),
  }));

export const moveCases: readonly GradcheckCase[] = [
  resampleCase("upsampleNearest", upsampleNearest, [2, 3, 2, 3], 2),
  resampleCase("upsampleNearest", upsampleNearest, [1, 1, 2, 1], 3),
  resampleCase("averagePool", averagePool, [2, 4, 6, 3], 2),
  resampleCase("averagePool", averagePool, [1, 3, 3, 2], 3),
  maxPoolCase([2, 4, 6, 3], 2),
  maxPoolCase([1, 3, 3, 2], 3),
  resampleCase("pixelUnshuffle", pixelUnshuffle, [2, 4, 6, 2], 2),
  resampleCase("pixelShuffle", pixelShuffle, [2, 2, 3, 8], 2),
  resampleCase("pixelShuffle", pixelShuffle, [1, 1, 2, 9], 3),
  gradcheckCase("concat", "3 tensors, last axis", ({ normal }) => ({
    inputs: { a: normal(2, 3, 2), b: normal(2, 3, 1), c: normal(2, 3, 4) },
    forward: ({ a, b, c }) => concat.forward([a, b, c], -1),
    backward: (dy) => {
      const [da, db, dc] = concat.backward(dy, [2, 1, 4], -1);
      return { da, db, dc };
    },
  })),
  gradcheckCase("gather", "middle axis, an index twice, one never", ({ normal }) => ({
    inputs: { x: normal(2, 4, 3) },
    forward: ({ x }) => gather.forward(x, [3, 0, 3, 2, 0], 1),
    backward: (dy) => gather.backward(dy, [3, 0, 3, 2, 0], 1, 4),
  })),
  gradcheckCase("embedding", "5 rows, an index twice, one never", ({ normal }) => ({
    inputs: { table: normal(5, 3) },
    forward: ({ table }) => embedding.forward(table, [4, 1, 1, 0, 3]),
    backward: (dy) => embedding.backward(dy, [4, 1, 1, 0, 3], { rows: 5 }),
  })),
];
