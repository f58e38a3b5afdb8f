/**
 * The gradient check as an assertion for chai:
 *
 *     import { gradcheckAssertion } from "@fromnoise/tensor/chai";
 *     chai.use(gradcheckAssertion);
 *     await expect({ forward, backward }).to.passGradcheck({ x, w });
 *
 * The assertion is asynchronous: await it at once, or return it from the test. One that nobody waits for would pass whatever it
 * finds; so it throws, as an error that nobody caught, which fails the run. A failure shows the table of `formatGradcheck`. chai
 * itself is not imported.
 */
import { gradcheck, type GradcheckFunction, type GradcheckOptions } from "./gradcheck.js";
import { formatGradcheck } from "./gradcheck-report.js";
import type { Tensor } from "../core/tensor.js";

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- chai's types are a global namespace
  namespace Chai {
    interface Assertion {
      /** Passes where `gradcheck(subject, inputs, options)` does. */
      passGradcheck(inputs: Readonly<Record<string, Tensor>>, options?: GradcheckOptions): Promise<void>;
    }
  }
}

interface AssertionContext { assert(holds: boolean, message: string, negatedMessage: string): void }

type PassGradcheck =
  (this: AssertionContext, inputs: Readonly<Record<string, Tensor>>, options?: GradcheckOptions) => Promise<void>;

interface ChaiClasses {
  Assertion: { addMethod(name: string, method: PassGradcheck): void };
}

interface ChaiUtils { flag(assertion: object, name: string): unknown }

/** Plugin for `chai.use`: adds `passGradcheck(inputs, options)`. */
export function gradcheckAssertion(chai: ChaiClasses, utils: ChaiUtils): void {
  chai.Assertion.addMethod("passGradcheck", function (inputs, options) {
    const check = async (): Promise<void> => {
      const report = await gradcheck(utils.flag(this, "object") as GradcheckFunction, inputs, options);
      this.assert(report.pass, formatGradcheck(report), `expected the gradient check to fail\n${formatGradcheck(report)}`);
    };
    return new MustAwait(check());
  });
}

/** A promise that somebody must wait for, by `await` or `then`, before the program's next turn. Throws there otherwise. */
class MustAwait<T> implements Promise<T> {
  readonly [Symbol.toStringTag] = "Promise";
  readonly #promise: Promise<T>;
  #awaited = false;

  constructor(promise: Promise<T>) {
    this.#promise = promise;
    promise.catch(() => undefined); // where nobody waits, the error below is the one to report
    const forgotten = new Error( // made here, so that it says where the assertion stands
      "passGradcheck was not awaited, so it would pass whatever it finds: await expect(...).to.passGradcheck(...)");
    setTimeout(() => {
      if (!this.#awaited) throw forgotten;
    }, 0);
  }

  then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null, rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#awaited = true;
    return this.#promise.then(fulfilled, rejected);
  }

  catch<B = never>(rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.then(undefined, rejected);
  }

  finally(settled?: (() => void) | null): Promise<T> {
    this.#awaited = true;
    return this.#promise.finally(settled);
  }
}
