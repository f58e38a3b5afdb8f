import { near, type Check } from "../../check.js";
import type * as starter from "./starter.js";

export const check: Check<typeof starter> = ({ forward, backward }) => {
  for (const x of [-800, -3, -0.5, 0, 0.7, 4, 800]) {
    const measured = (forward(x + 1e-5) - forward(x - 1e-5)) / 2e-5;
    near(`dx at x = ${x}`, backward(1.5, x), 1.5 * measured, 1e-7);
  }
};
