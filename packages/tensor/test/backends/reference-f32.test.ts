import { openReference } from "../../src/backends/reference/index.js";
import { describeConformance } from "./conformance.js";

describeConformance("the reference in f32", openReference, { dtype: "f32", tolerance: () => 1e-6 });
