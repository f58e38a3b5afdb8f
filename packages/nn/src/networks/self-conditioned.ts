import {
  ConfigError, ShapeError, assertTensor, concat, formatShape, inspectSymbol, sameShape, split, zerosLike, type Random, type Tensor,
} from "@fromnoise/tensor";
import { isObject } from "../config/kinds.js";
import { backwardAt, forwardAt } from "../layers/enter.js";
import type { Grads } from "../parameters/grads.js";
import type { Parameter } from "../parameters/parameter.js";
import { formatNetwork } from "./format.js";
import type { Given, JsonObject, Network, NetworkSpec } from "./network.js";

/** Of the network within. */
export interface SelfConditionedCache {
  /** Of [x0, x], [N, ..., 2C]. */
  inner: unknown;
}

/**
 * A network that reads its own guess of x0 of the step before: y = inner([x0, x], t), x0 zeros where there is no guess yet. It is
 * made of any network whose samples have 2C channels, the guess in the first C of them (as lucidrains has them); its own have C.
 * x, x0 [N, ..., C]. Parameters are those of the inner network, under their names. Nothing flows back into x0.
 * Source: Chen, Zhang and Hinton (2022), Analog bits, section 2.2. Throws ConfigError for an inner network whose last axis has no
 * half, or that reads a guess itself.
 */
export class SelfConditioned implements Network<SelfConditionedCache> {
  readonly name = "";
  readonly spec: NetworkSpec;
  readonly parameters: readonly Parameter[];

  constructor(readonly inner: Network) {
    const { kind, config, sample, selfCondition } = inner.spec;
    const channels = sample.at(-1)! / 2;
    if (!Number.isInteger(channels) || channels < 1 || selfCondition === true) {
      throw new ConfigError(`self-conditioned: ${kind} cannot be told a guess of x0 beside x`, [
        `samples  [${sample.map((side) => side ?? "any").join(", ")}]`, "allowed  networks whose last axis has room for x0 and x",
      ]);
    }
    this.spec = {
      ...inner.spec, kind: "self-conditioned", config: { network: { kind, config } },
      sample: [...sample.slice(0, -1), channels], selfCondition: true,
    };
    this.parameters = inner.parameters;
  }

  create(): SelfConditioned {
    return new SelfConditioned(this.inner.create());
  }

  /** Throws ShapeError for an x0 of another shape than x, and what the inner network throws. */
  forward(x: Tensor, t: ArrayLike<number>, given: Given = {}, dropout?: Random): [y: Tensor, cache: SelfConditionedCache] {
    return x.device.scope(() => forwardAt(this, { x }, () => {
      const [y, inner] = this.inner.forward(beside("self-conditioned", x, given), t, without(given), dropout);
      return [y, { inner }];
    }));
  }

  /** dx alone: the guess was made without caches. */
  backward(dy: Tensor, { inner }: SelfConditionedCache, grads: Grads): Tensor {
    return backwardAt(this, dy, { inner }, grads, () => dy.device.scope(() => {
      const dboth = this.inner.backward(dy, inner, grads);
      return split(dboth, 2, -1)[1];
    }));
  }

  apply(x: Tensor, t: ArrayLike<number>, given: Given = {}): Tensor {
    return x.device.scope(() => this.inner.apply(beside("self-conditioned", x, given), t, without(given)));
  }

  /** What console.log shows. */
  [inspectSymbol](): string {
    return formatNetwork(this);
  }
}

/** [x0, x] along the last axis, x0 zeros where there is no guess; `what` names the network in errors. Throws ShapeError. */
export function beside(what: string, x: Tensor, { x0 }: Given): Tensor {
  assertTensor(what, "x", x);
  if (x0 !== undefined && !sameShape(x0.shape, x.shape)) {
    throw new ShapeError(`${what}: the guess of x0 has another shape than x`, [
      `x        ${formatShape(x.shape)}`, `x0       ${formatShape(x0.shape)}`,
    ]);
  }
  return concat([x0 ?? zerosLike(x), x], -1);
}

function without({ x0: _x0, ...given }: Given): Given {
  return given;
}

/** Kind and config of the network within one, from its config. Throws ConfigError where there is none. */
export function innerSpec({ network }: JsonObject): Pick<NetworkSpec, "kind" | "config"> {
  const { kind, config } = (isObject(network) ? network : {}) as JsonObject;
  if (typeof kind === "string" && isObject(config)) return { kind, config: config as JsonObject };
  throw new ConfigError(`self-conditioned: network: ${JSON.stringify(network)} is not allowed`, [
    "allowed  { kind, config } of a network",
  ]);
}
