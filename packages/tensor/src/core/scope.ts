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

/** @internal Calls fn on every tensor reachable through arrays, Maps, Sets and objects; more than once where several ways lead to one. */
export function forEachTensor(value: unknown, fn: (t: Tensor) => void, seen?: Set<unknown>): void {
  if (value instanceof Tensor) return fn(value);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  const visited = seen ?? new Set();
  if (visited.has(value)) return;
  visited.add(value);
  if (value instanceof Map || value instanceof Set || Array.isArray(value)) {                    // a Map gives entries [key, value]
    for (const part of value as Iterable<unknown>) forEachTensor(part, fn, visited);
  } else {
    for (const name of Object.keys(value)) forEachTensor((value as Readonly<Record<string, unknown>>)[name], fn, visited);
  }
}
