/** Mocha's build for browsers, which stands among the globals once it is loaded. */
import "mocha/mocha.js";
import type { Runner } from "../report.js";

export const { Mocha } = globalThis as unknown as { readonly Mocha: Runner };
