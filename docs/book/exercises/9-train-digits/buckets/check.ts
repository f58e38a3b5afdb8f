import type { Check } from "../../check.js";
import type * as starter from "./starter.js";

export const check: Check<typeof starter> = ({ bucketMeans }) => {
  const got = bucketMeans([0.75, 0.25, 0.5, 0.125, 1, 0.0625], [0, 99, 100, 999, 50, 900], 1000);
  const wanted = [2 / 3, 0.5, null, null, null, null, null, null, null, 0.09375];
  const fits = got.length === 10 && wanted.every((value, i) => (value === null ? got[i] === null : got[i] !== null && Math.abs(value - got[i]) < 1e-12));
  if (!fits) throw new Error(`errors at t = 0, 99, 100, 999, 50, 900 of 1000\n  got     ${JSON.stringify(got)}\n  wanted  ${JSON.stringify(wanted)}`);
};
