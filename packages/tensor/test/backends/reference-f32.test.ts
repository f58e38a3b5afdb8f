/** Holds what the reference computes in f32 to the table of conformance.ts, whose describeConformance makes the tests and asserts in them. */
import { openReference } from "../../src/backends/reference/index.js";
import { describeConformance } from "./conformance.js";

describeConformance("the reference in f32", openReference, { dtype: "f32", tolerance: () => 1e-6 });
