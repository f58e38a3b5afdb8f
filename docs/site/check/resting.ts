/** Figures that say `ready` when what they were asked for is drawn, and `failure` where something was thrown. */
import type { Driven } from "./check.js";

/** What a figure shows once nothing is under way any more. Throws with what the figure says went wrong. */
export async function atRest<R>(figure: Driven): Promise<R> {
  const shown = await figure.until("nothing under way", ({ ready, failure }) => ready === true || failure !== undefined);
  if (shown["failure"] !== undefined) throw new Error(`the figure failed: ${String(shown["failure"])}`);
  return shown as R;
}

/** Changes a figure's state and gives what it then shows. */
export async function setAndRead<R>(figure: Driven, state: Readonly<Record<string, unknown>>): Promise<R> {
  await figure.set(state);
  return atRest<R>(figure);
}
