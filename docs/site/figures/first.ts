/** The first screen: ten digits on their way from noise, to be scrubbed, asked for by class, and trained. */
import type { Figure } from "./figure.js";
import { mountWay, type WayState } from "./shared/way-figure.js";

export function mount(element: HTMLElement, state?: Partial<WayState>): Figure<WayState> {
  return mountWay(element, { details: false, trainLink: "book/9-train-digits.html#train" }, state);
}
