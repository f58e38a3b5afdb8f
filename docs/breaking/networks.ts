/** Networks that are wrong in one thing, around one that is right. */
import { multiply, type Random, type Tensor } from "@fromnoise/tensor";
import type { Given, Grads, Network } from "@fromnoise/nn";

/** What is done to a network's inputs and output. */
interface Changes {
  times?(t: ArrayLike<number>): ArrayLike<number>;
  output?(y: Tensor): Tensor;
  /** Dropout masks that `apply` draws too. */
  readonly dropout?: Random;
}

/** A network with its times or its output changed; its parameters are those of the inner one. */
export class Changed implements Network {
  readonly name = "";
  readonly spec: Network["spec"];
  readonly parameters: Network["parameters"];

  constructor(readonly inner: Network, readonly changes: Changes) {
    this.spec = { ...inner.spec, kind: "changed", config: { network: { ...inner.spec.config } } };
    this.parameters = inner.parameters;
  }

  create(): Changed {
    return new Changed(this.inner.create(), this.changes);
  }

  forward(x: Tensor, t: ArrayLike<number>, given?: Given, dropout?: Random): [Tensor, unknown] {
    const { times = (same) => same, output = (y) => y } = this.changes;
    const [y, cache] = this.inner.forward(x, times(t), given, dropout);
    return [output(y), cache];
  }

  /** Of networks whose output is left alone: the others are not trained. */
  backward(dy: Tensor, cache: unknown, grads: Grads): Tensor {
    return this.inner.backward(dy, cache, grads);
  }

  apply(x: Tensor, t: ArrayLike<number>, given?: Given): Tensor {
    const { times = (same) => same, output = (y) => y, dropout } = this.changes;
    if (dropout === undefined) return x.device.scope(() => output(this.inner.apply(x, times(t), given)));
    return x.device.scope(() => output(this.inner.forward(x, times(t), given, dropout)[0]));
  }
}

/** A network that is told one time whatever the time is: as one without an embedding of time. */
export function withoutTime(network: Network): Network {
  return new Changed(network, { times: (t) => Array.from(t, () => 0) });
}

/** A network that says the negative of what it means. */
export function negated(network: Network): Network {
  return new Changed(network, { output: (y) => multiply(y, -1) });
}
