/** Chapter 0: the same ten digits with the network's guess below them, the seed, and the bits beside those of Node. */
import type { Figure } from "./figure.js";
import { mountWay, type WayState } from "./shared/way-figure.js";

export function mount(element: HTMLElement, state?: Partial<WayState>): Figure<WayState> {
  return mountWay(element, { details: true }, state);
}
