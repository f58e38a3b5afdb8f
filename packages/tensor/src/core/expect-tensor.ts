/** What a program without types may hand to an op in the place of a tensor, and the error that says what to pass instead. */
import { ConfigError } from "./errors.js";
import { Tensor } from "./tensor.js";

/**
 * Throws ConfigError unless `value` is a tensor: "mse: b is the number 3, not a tensor". Ops call it on what they are given before
 * they look into it; `wanted` is for those that take more than tensors.
 */
export function assertTensor(op: string, name: string, value: unknown, wanted = "not a tensor"): asserts value is Tensor {
  if (value instanceof Tensor) return;
  throw new ConfigError(`${op}: ${name} is ${inWords(value)}, ${wanted}`, [
    isPromise(value) ? "await it first" : "make one with tensor(values, { device })",
  ]);
}

/** Throws ConfigError unless `list` is an array of tensors. */
export function assertTensors(op: string, list: unknown): asserts list is readonly Tensor[] {
  if (!Array.isArray(list)) {
    throw new ConfigError(`${op}: the first argument is ${inWords(list)}, not an array of tensors`, ["pass     [a, b, ...]"]);
  }
  list.forEach((value, i) => assertTensor(op, `tensor ${i}`, value));
}

/** A value in a few words: "undefined", "the number 3", "an array of 2", "a Float32Array". */
export function inWords(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isPromise(value)) return "a promise";
  if (typeof value === "string") return `the string ${JSON.stringify(value)}`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object") return `the ${typeof value} ${String(value)}`;
  const kind = (value.constructor as { name?: string } | undefined)?.name;
  if (kind === undefined || kind === "" || kind === "Object") return "an object";
  return `${/^[AEIOU]/.test(kind) ? "an" : "a"} ${kind}`;
}

export function isPromise(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
