import { ShapeError, add, assertTensor, at, formatShape, inspectSymbol, tensor, type Random, type Tensor } from "@fromnoise/tensor";
import { Activation } from "../../layers/activation.js";
import { ClassEmbedding, type ClassEmbeddingCache } from "../../layers/class-embedding.js";
import { backwardAt, forwardAt } from "../../layers/enter.js";
import { Linear } from "../../layers/linear.js";
import { timestepEmbedding } from "../../layers/timestep-embedding.js";
import type { Grads } from "../../parameters/grads.js";
import type { Parameter } from "../../parameters/parameter.js";
import { checkGiven } from "../check-given.js";
import { formatNetwork } from "../format.js";
import type { Given, Network, NetworkSpec } from "../network.js";
import { freeSteps, keepCaches, type Policy } from "../policy.js";
import { Sequential } from "../sequential.js";
import { ditConfig, sidesOf, type DitConfig, type DitOptions } from "./config.js";
import { FinalLayer, type FinalLayerCache } from "./final-layer.js";
import { PatchEmbedding, type PatchEmbeddingCache } from "./patch-embedding.js";
import { fromPatches, toPatches } from "./patches.js";
import { gridPositions } from "./positions.js";
import { TransformerBlock, type TransformerBlockCache } from "./transformer-block.js";

/** Width of the sinusoids of the time, as in the authors' code. */
const FREQUENCIES = 256;

interface EmbeddingCache {
  /** Of the sinusoids [N, 256]. */
  time: readonly unknown[];
  /** Of N labels; undefined without classes. */
  classes: ClassEmbeddingCache | undefined;
}

/** What the backward of a DiT needs of its forward. */
export interface DitCache {
  embedding: EmbeddingCache;
  /** Of x [N, H, W, channels]. */
  patches: PatchEmbeddingCache;
  /** Of the tokens [N, L, width], L = H W / patch^2, and the condition [N, width]. */
  blocks: TransformerBlockCache[];
  final: FinalLayerCache;
}

/**
 * The diffusion transformer of Peebles and Xie 2023 (DiT with adaLN-Zero), with the names of the authors' state dict:
 *   h = patches(x) + places,  c = time(sinusoid(t)) + class(label),  h = block(h, c) for each block,  y = image(final(h, c)).
 * x [N, H, W, channels] of the config's size, t N host numbers, y [N, H, W, outputs]. The places are fixed sinusoids, no
 * parameters. Made without values: see `initialize`, whose scheme `paper` gives linear layers the authors' start (Xavier), while
 * their embeddings and time MLP start smaller, as N(0, 0.02^2). Under every scheme y = 0 at first. Throws ConfigError as
 * `ditConfig`.
 */
export class Dit implements Network<DitCache> {
  readonly name = "";
  readonly config: DitConfig;
  readonly spec: NetworkSpec;
  readonly parameters: readonly Parameter[];
  private readonly patches: PatchEmbedding;
  private readonly time: Sequential;
  private readonly classes: ClassEmbedding | undefined;
  private readonly blocks: readonly TransformerBlock[];
  private readonly final: FinalLayer;
  /** [L, width], made when they are first needed: a network is described without them. */
  private places: Float64Array | undefined;

  constructor(options: DitOptions) {
    const config = ditConfig(options);
    const { channels, patch, width, depth, heads, mlpRatio, classes, nullClass } = config;
    const [rows] = sidesOf(config).map((side) => side / patch);
    const outputs = config.outputs ?? channels;
    this.config = config;
    this.spec = {
      kind: "dit", config: { ...config }, sample: [...sidesOf(config), channels], outputs,
      ...(classes === null ? {} : { classes, ...(nullClass ? { nullClass: classes } : {}) }),
    };
    this.patches = new PatchEmbedding("x_embedder.proj", patch, rows, channels, width);
    this.time = new Sequential<unknown>("t_embedder.mlp", [
      new Linear("t_embedder.mlp.0", FREQUENCIES, width), new Activation("t_embedder.mlp.1"),
      new Linear("t_embedder.mlp.2", width, width),
    ]);
    this.classes = classes === null ? undefined
      : new ClassEmbedding("y_embedder.embedding_table", nullClass ? classes + 1 : classes, width);
    this.blocks = Array.from({ length: depth }, (_, i) => new TransformerBlock(`blocks.${i}`, width, heads, mlpRatio * width));
    this.final = new FinalLayer("final_layer", width, patch * patch * outputs);
    this.parameters = [this.patches, this.time, this.classes, ...this.blocks, this.final]
      .flatMap((layer) => layer?.parameters ?? []);
  }

  create(): Dit {
    return new Dit(this.config);
  }

  /** y and what backward needs. There is no dropout. Throws ShapeError for x of another size, and as `checkGiven`. */
  forward(x: Tensor, t: ArrayLike<number>, given: Given = {}, _dropout?: Random): [y: Tensor, cache: DitCache] {
    return this.run(x, t, given, keepCaches);
  }

  /** y alone: no more stays alive than the tokens and one block's own tensors. */
  apply(x: Tensor, t: ArrayLike<number>, given: Given = {}): Tensor {
    return this.run(x, t, given, freeSteps)[0];
  }

  private run(x: Tensor, t: ArrayLike<number>, given: Given, policy: Policy): [y: Tensor, cache: DitCache] {
    this.check(x, t, given);
    const { device } = x;
    return policy.step(device, () => forwardAt(this, { x }, () => {
      const [c, embedding] = policy.step(device, () => this.embed(x, t, given));
      const [h0, patches] = policy.step(device, () => this.place(x));
      let h = h0;
      const blocks = this.blocks.map((block) => {
        const [y, cache] = block.forward(h, c, policy);
        policy.done(h);
        h = y;
        return cache;
      });
      const [values, final] = policy.step(device, () => this.final.forward(h, c));
      return [fromPatches(values, this.config.patch, this.rows), { embedding, patches, blocks, final }];
    }));
  }

  /** dx, and the gradients of all parameters in grads. */
  backward(dy: Tensor, cache: DitCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => dy.device.scope(() => {
      const { embedding: { time, classes }, patches, blocks, final } = cache;
      const dvalues = toPatches(dy, this.config.patch);
      let { dx: dh, dc } = this.final.backward(dvalues, final, grads);
      for (let i = this.blocks.length - 1; i >= 0; i--) {
        const block = this.blocks[i].backward(dh, blocks[i], grads);
        dh = block.dx;
        dc = add(dc, block.dc);                                            // every block reads the condition
      }
      if (classes !== undefined) this.classes!.backward(dc, classes, grads);
      this.time.backward(dc, time, grads);
      return this.patches.backward(dh, patches, grads);
    }));
  }

  /** Tokens and where they stand, [N, L, width]. */
  private place(x: Tensor): [h: Tensor, cache: PatchEmbeddingCache] {
    const { device, dtype } = x;
    const [tokens, cache] = this.patches.forward(x);
    const { config } = this;
    const [rows, columns] = sidesOf(config).map((side) => side / config.patch);
    this.places ??= gridPositions(rows, columns, config.width);
    const places = tensor(this.places, { device, dtype, shape: tokens.shape.slice(1) });
    return [at("pos_embed", () => add(tokens, places)), cache];
  }

  /** c = time(sinusoid(t)) + class(label), [N, width]. */
  private embed(x: Tensor, t: ArrayLike<number>, { labels }: Given): [c: Tensor, cache: EmbeddingCache] {
    const { device, dtype } = x;
    const sinusoid = timestepEmbedding(t, FREQUENCIES);
    const [a, time] = this.time.forward(tensor(sinusoid, { device, dtype, shape: [t.length, FREQUENCIES] }));
    if (this.classes === undefined) return [a, { time, classes: undefined }];
    const [b, classes] = this.classes.forward(Array.from(labels!));
    return [at("y_embedder", () => add(a, b)), { time, classes }];
  }

  /** Patches above each other. */
  private get rows(): number {
    return sidesOf(this.config)[0] / this.config.patch;
  }

  private check(x: Tensor, t: ArrayLike<number>, given: Given): void {
    assertTensor("DiT", "x", x);
    if (formatShape(x.shape.slice(1)) !== formatShape(this.spec.sample as readonly number[])) {
      throw new ShapeError("DiT: x is not a batch of the images that the network is for", [
        `x        ${formatShape(x.shape)}   expected [N, ${this.spec.sample.join(", ")}]`,
      ]);
    }
    checkGiven("DiT", this.spec, x.shape, t, given);
  }

  /** What console.log shows. */
  [inspectSymbol](): string {
    return formatNetwork(this);
  }
}
