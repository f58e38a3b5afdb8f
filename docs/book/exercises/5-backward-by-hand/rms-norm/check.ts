import { Random } from "@fromnoise/tensor";
import { near, type Check } from "../../check.js";
import type * as starter from "./starter.js";

/** By differences: the loss is the sum of u y with random u, moved in every x. */
export const check: Check<typeof starter> = ({ forward, backward }) => {
  const random = new Random(5), step = 1e-5;
  const [x, u] = [random.normal(7), random.normal(7)].map((draw) => Array.from(draw));
  const dx = backward(u, x);
  x.forEach((_, j) => {
    const [plus, minus] = [step, -step].map((d) => forward(x.map((v, i) => (i === j ? v + d : v))).reduce((sum, y, i) => sum + u[i] * y, 0));
    near(`dx[${j}]`, dx[j], (plus - minus) / (2 * step), 1e-8);
  });
};
