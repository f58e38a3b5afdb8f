/** Every op's gradient checks, over awkward shapes. */
import { attentionCases } from "./attentions.js";
import type { GradcheckCase } from "./case.js";
import { elementwiseCases } from "./elementwise.js";
import { moveCases } from "./moves.js";
import { normCases } from "./norms.js";
import { productCases } from "./products.js";

export { gradcheckCase, type GradcheckCase, type GradcheckSetup } from "./case.js";

/** The checks that the tests and the command `fromnoise gradcheck` run. */
export const gradcheckCases: readonly GradcheckCase[] = [
  ...productCases, ...normCases, ...elementwiseCases, ...attentionCases, ...moveCases,
];
