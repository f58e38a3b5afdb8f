import { recordWay } from "../record.js";
import { hold, type Check } from "./check.js";

/** Frames that the page computes have the bits of those that Node computes now. */
export const check: Check = async (figure, thorough) => {
  await figure.until("the recorded digits", ({ source }) => source === "recorded");
  if (!thorough) return "plays";
  const node = await recordWay();
  await figure.root.locator("input[type=range]").fill("25");
  const computed = await figure.until("the page computes", ({ source }) => source === "computed");
  hold(computed["digest"] === node.digest, `the page's frames are ${computed["digest"]}, Node's ${node.digest}`);
  hold(computed["t"] === 0 && node.times.at(-1) === 0, `the last frame is t = ${computed["t"]}`);
  await figure.set({ seed: 5 });
  const other = await figure.until("another seed", ({ source, seed }) => source === "computed" && seed === 5);
  hold(other["digest"] !== node.digest, "another seed gives the same bits");
  return `26 frames of 10 digits: ${computed["digest"]} in the page and in Node`;
};
