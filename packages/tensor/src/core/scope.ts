import { Tensor } from "./tensor.js";

/** @internal Tensors made while a scope was open; they are freed when it closes. */
export interface Scope { parent: Scope | undefined; tensors: Set<Tensor> }

/** @internal Moves a tensor into a scope; undefined makes it persistent. */
export function moveTo(t: Tensor, scope: Scope | undefined): void {
  t.scope?.tensors.delete(t);
  t.scope = scope;
  scope?.tensors.add(t);
}

/** @internal Calls fn on every tensor reachable through arrays, Maps, Sets and objects. */
export function forEachTensor(value: unknown, fn: (t: Tensor) => void, seen = new Set<unknown>()): void {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || seen.has(value)) return;
  seen.add(value);
  if (value instanceof Tensor) return fn(value);
  const iterable = value instanceof Map || value instanceof Set || Array.isArray(value); // a Map gives entries [key, value]
  for (const part of iterable ? value as Iterable<unknown> : Object.values(value)) forEachTensor(part, fn, seen);
}
