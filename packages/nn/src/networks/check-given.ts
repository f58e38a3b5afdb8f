import { ConfigError, ShapeError, formatShape, sameShape, type Shape } from "@fromnoise/tensor";
import type { Given, NetworkSpec } from "./network.js";

/**
 * Checks times and conditions against a batch x [N, ...] and against what the network takes; `what` names it in errors ("U-Net").
 * Throws ShapeError for numbers of times or labels other than N, ConfigError for what is missing and for what the network does not
 * read.
 */
export function checkGiven(
  what: string, { classes, selfCondition, embedding: width }: NetworkSpec, shape: Shape, t: ArrayLike<number>, given: Given,
): void {
  const [n] = shape;
  const { labels, embedding, x0 } = given;
  const wrongCount = (count: string): ShapeError =>
    new ShapeError(`${what}: ${count} for ${n} samples`, [`x        ${formatShape(shape)}`]);
  const refuse = (problem: string, ...details: readonly string[]): ConfigError => new ConfigError(`${what}: ${problem}`, details);
  if (t.length !== n) throw wrongCount(`${t.length} timesteps`);
  if (classes !== undefined && labels === undefined) throw refuse("class labels are missing", `classes  ${classes}`);
  if (classes === undefined && labels !== undefined) throw refuse("class labels for a network without classes");
  if (labels !== undefined && labels.length !== n) throw wrongCount(`${labels.length} class labels`);
  if (embedding !== undefined && width === undefined) throw refuse("an embedding for a network that reads none");
  if (width !== undefined && embedding === undefined) throw refuse("the embedding is missing", `given    { embedding } [${n}, ${width}]`);
  if (embedding !== undefined && !sameShape(embedding.shape, [n, width!])) {
    throw new ShapeError(`${what}: the embedding does not fit`, [`given    ${formatShape(embedding.shape)}   expected [${n}, ${width}]`]);
  }
  if (x0 !== undefined && selfCondition !== true) throw refuse("a guess of x0 for a network that is not self-conditioned");
}
