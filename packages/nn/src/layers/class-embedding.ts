import { embedding, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { join, type Module } from "../parameters/module.js";
import { Parameter } from "../parameters/parameter.js";
import { backwardAt, forwardAt } from "./enter.js";

export type Labels = Int32Array | readonly number[];

/** The classes whose rows were taken. */
export interface ClassEmbeddingCache {
  /** N classes. */
  labels: Labels;
}

/** y[n] = weight[labels[n]]: a learned vector for each class, weight [classes, D], labels on the host, y [N, D]. */
export class ClassEmbedding implements Module {
  readonly weight: Parameter;

  constructor(readonly name: string, private readonly classes: number, width: number) {
    this.weight = new Parameter(join(name, "weight"), [classes, width], { kind: "table", role: "embedding" });
  }

  get parameters(): Parameter[] {
    return [this.weight];
  }

  /** Throws ShapeError for a label outside 0 .. classes - 1. */
  forward(labels: Labels): [y: Tensor, cache: ClassEmbeddingCache] {
    return forwardAt(this, {}, () => [embedding.forward(this.weight.tensor, labels), { labels }]);
  }

  backward(dy: Tensor, cache: ClassEmbeddingCache, grads: Grads): void {
    backwardAt(this, dy, cache, grads, () => {
      grads.add(this.weight, embedding.backward(dy, cache.labels, { rows: this.classes }));
    });
  }
}
