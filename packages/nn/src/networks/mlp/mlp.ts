import { ShapeError, add, assertTensor, formatShape, inspectSymbol, tensor, type Random, type Tensor } from "@fromnoise/tensor";
import { Activation, type ActivationCache } from "../../layers/activation.js";
import { ClassEmbedding, type ClassEmbeddingCache } from "../../layers/class-embedding.js";
import { backwardAt, forwardAt } from "../../layers/enter.js";
import type { Layer } from "../../layers/layer.js";
import { Linear, type LinearCache } from "../../layers/linear.js";
import { timestepEmbedding } from "../../layers/timestep-embedding.js";
import type { Grads } from "../../parameters/grads.js";
import type { Parameter } from "../../parameters/parameter.js";
import { checkGiven } from "../check-given.js";
import { formatNetwork } from "../format.js";
import type { Given, Network, NetworkSpec } from "../network.js";
import { freeSteps, keepCaches, type Policy } from "../policy.js";
import { Sequential } from "../sequential.js";
import { mlpConfig, type MlpConfig, type MlpOptions } from "./config.js";

interface EmbeddingCache {
  /** Of x [N, size]. */
  input: LinearCache;
  /** Of the sinusoids [N, time]. */
  time: LinearCache;
  /** Of N labels; undefined without classes. */
  classes: ClassEmbeddingCache | undefined;
}

/** What the backward of an MLP needs of its forward. */
export interface MlpCache {
  embedding: EmbeddingCache;
  /** Of the hidden layers [N, hidden[i]]. */
  body: readonly (ActivationCache | LinearCache)[];
}

/**
 * A multilayer perceptron for points: h_1 = input(x) + time(sinusoid(t)) + class(label), h_(i+1) = linear(f(h_i)), y the last of
 * them, f the activation. x [N, size], t N host numbers, y [N, outputs]. The sum of linear layers is one linear layer of [x,
 * sinusoid(t)]. Made without values: see `initialize`. Throws ConfigError as `mlpConfig`.
 */
export class Mlp implements Network<MlpCache> {
  readonly name = "";
  readonly config: MlpConfig;
  readonly spec: NetworkSpec;
  readonly parameters: readonly Parameter[];
  private readonly input: Linear;
  private readonly time: Linear;
  private readonly classes: ClassEmbedding | undefined;
  private readonly body: Sequential<ActivationCache | LinearCache>;

  constructor(options: MlpOptions) {
    const config = mlpConfig(options);
    const { size, hidden, time, classes, nullClass, activation } = config;
    const outputs = config.outputs ?? size;
    this.config = config;
    this.spec = {
      kind: "mlp", config: { ...config }, sample: [size], outputs,
      ...(classes === null ? {} : { classes, ...(nullClass ? { nullClass: classes } : {}) }),
    };
    this.input = new Linear("input", size, hidden[0]);
    this.time = new Linear("time", time, hidden[0], { bias: false });
    this.classes = classes === null ? undefined : new ClassEmbedding("classes", nullClass ? classes + 1 : classes, hidden[0]);
    this.body = new Sequential("body", hidden.flatMap((width, i): Layer<ActivationCache | LinearCache>[] => {
      const next = hidden[i + 1] ?? outputs;
      return [
        new Activation(`body.${2 * i}`, activation),
        new Linear(`body.${2 * i + 1}`, width, next, { closesBranch: i === hidden.length - 1 }),
      ];
    }));
    this.parameters = [this.input, this.time, this.classes, this.body].flatMap((layer) => layer?.parameters ?? []);
  }

  create(): Mlp {
    return new Mlp(this.config);
  }

  /** Throws ShapeError for x other than [N, size], and as `checkGiven`. There is no dropout. */
  forward(x: Tensor, t: ArrayLike<number>, given: Given = {}, _dropout?: Random): [y: Tensor, cache: MlpCache] {
    return this.run(x, t, given, keepCaches);
  }

  apply(x: Tensor, t: ArrayLike<number>, given: Given = {}): Tensor {
    return this.run(x, t, given, freeSteps)[0];
  }

  private run(x: Tensor, t: ArrayLike<number>, given: Given, policy: Policy): [y: Tensor, cache: MlpCache] {
    this.check(x, t, given);
    const { device } = x;
    return policy.step(device, () => forwardAt(this, { x }, () => {
      const [h, embedding] = policy.step(device, () => this.embed(x, t, given));
      const [y, body] = this.body.forward(h, policy);
      return [y, { embedding, body }];
    }));
  }

  /** dx, and the gradients of all parameters in grads. */
  backward(dy: Tensor, cache: MlpCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => dy.device.scope(() => {
      const { embedding, body } = cache;
      const dh = this.body.backward(dy, body, grads);
      if (embedding.classes !== undefined) this.classes!.backward(dh, embedding.classes, grads);
      this.time.backward(dh, embedding.time, grads);
      return this.input.backward(dh, embedding.input, grads);
    }));
  }

  private embed(x: Tensor, t: ArrayLike<number>, { labels }: Given): [h: Tensor, cache: EmbeddingCache] {
    const { device, dtype } = x;
    const [a, input] = this.input.forward(x);
    const sinusoid = timestepEmbedding(t, this.config.time);
    const [b, time] = this.time.forward(tensor(sinusoid, { device, dtype, shape: [t.length, this.config.time] }));
    if (this.classes === undefined) return [add(a, b), { input, time, classes: undefined }];
    const [c, classes] = this.classes.forward(Array.from(labels!));
    return [add(add(a, b), c), { input, time, classes }];
  }

  private check(x: Tensor, t: ArrayLike<number>, given: Given): void {
    assertTensor("MLP", "x", x);
    if (x.rank !== 2 || x.shape[1] !== this.config.size) {
      throw new ShapeError(`MLP: x is not a batch of points of ${this.config.size} numbers`, [
        `x        ${formatShape(x.shape)}   expected [N, ${this.config.size}]`,
      ]);
    }
    checkGiven("MLP", this.spec, x.shape, t, given);
  }

  /** What console.log shows. */
  [inspectSymbol](): string {
    return formatNetwork(this);
  }
}
