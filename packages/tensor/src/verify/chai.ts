/**
 * The gradient check as an assertion for chai:
 *
 *     import { gradcheckAssertion } from "@fromnoise/tensor/chai";
 *     chai.use(gradcheckAssertion);
 *     await expect({ forward, backward }).to.passGradcheck({ x, w });
 *
 * The assertion is asynchronous: await it. A failure shows the table of `formatGradcheck`. chai itself is not imported.
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
  chai.Assertion.addMethod("passGradcheck", async function (inputs, options) {
    const report = await gradcheck(utils.flag(this, "object") as GradcheckFunction, inputs, options);
    this.assert(report.pass, formatGradcheck(report), `expected the gradient check to fail\n${formatGradcheck(report)}`);
  });
}
