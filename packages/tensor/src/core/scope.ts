import { Tensor } from "./tensor.js";

/** @internal Tensors made while a scope was open, as a list from the latest to the first; they are freed when it closes. */
export interface Scope { readonly parent: Scope | undefined; last: Tensor | undefined }

/** @internal Moves a tensor into a scope; undefined makes it persistent. */
export function moveTo(t: Tensor, scope: Scope | undefined): void {
  leave(t);
  t.scope = scope;
  if (scope === undefined) return;
  t.before = scope.last;
  if (t.before !== undefined) t.before.after = t;
  scope.last = t;
}

/** Takes a tensor out of its scope's list. */
function leave(t: Tensor): void {
  const { scope, before, after } = t;
  if (scope === undefined) return;
  if (after === undefined) scope.last = before;
  else after.before = before;
  if (before !== undefined) before.after = after;
  t.before = undefined;
  t.after = undefined;
}

/** What was visited before: a list that is looked through while it is short, then a set, whose hashes cost more than a few comparisons. */
class Visited {
  readonly #few: unknown[] = [];
  #many: Set<unknown> | undefined;

  /** Whether it is met for the first time; from now on it is known. */
  isNew(value: unknown): boolean {
    if (this.#many === undefined) {
      if (this.#few.includes(value)) return false;
      if (this.#few.push(value) > 16) this.#many = new Set(this.#few);
      return true;
    }
    if (this.#many.has(value)) return false;
    this.#many.add(value);
    return true;
  }
}

/** @internal Calls fn on every tensor reachable through arrays, Maps, Sets and objects; more than once where several ways lead to one. */
export function forEachTensor(value: unknown, fn: (t: Tensor) => void, visited?: Visited): void {
  if (value instanceof Tensor) return fn(value);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  const seen = visited ?? new Visited();
  if (!seen.isNew(value)) return;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) forEachTensor(value[i], fn, seen);
  } else if (value instanceof Map || value instanceof Set) {                                  // a Map gives entries [key, value]
    for (const part of value as Iterable<unknown>) forEachTensor(part, fn, seen);
  } else {
    for (const name of Object.keys(value)) forEachTensor((value as Readonly<Record<string, unknown>>)[name], fn, seen);
  }
}
