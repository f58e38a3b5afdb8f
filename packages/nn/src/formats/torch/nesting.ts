import { CheckpointError } from "@fromnoise/tensor";
import { Opaque } from "./opaque.js";

/** Checkpoints have 10 at most. */
const MAX_DEPTH = 100;

/** Throws CheckpointError where something lies within more than 100 containers, on the shortest way to it. Circles are passed once. */
export function checkNesting(value: unknown, source: string): void {
  const seen = new Set<unknown>();
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw new CheckpointError(`${source}: the pickle is refused: more than ${MAX_DEPTH} containers within each other`);
    const next: unknown[] = [];
    for (const container of level) {
      if (seen.has(container)) continue;
      seen.add(container);
      for (const inner of contents(container)) if (typeof inner === "object" && inner !== null) next.push(inner);
    }
    level = next;
  }
}

function* contents(container: unknown): Iterable<unknown> {
  if (Array.isArray(container) || container instanceof Set) yield* container;
  else if (container instanceof Map) for (const pair of container) yield* pair;
  else if (container instanceof Opaque) yield* [container.args, container.state, container.list, container.dict];
}
