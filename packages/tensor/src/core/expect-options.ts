/** What a program without types may leave out: options that have no default. */
import { ConfigError } from "./errors.js";

/**
 * The options as they are. Throws ConfigError where there are none, or without a field of the example that is to be passed instead:
 * "averagePool: options has no scale", "pass     { scale: 2 }".
 */
export function givenOptions<O extends object>(op: string, options: O, example: Partial<Record<keyof O, number>>): O {
  const missing = Object.keys(example).find((name) => (options as O | undefined)?.[name as keyof O] === undefined);
  if (missing === undefined) return options;
  const pass = Object.entries(example).map(([name, value]) => `${name}: ${String(value)}`).join(", ");
  throw new ConfigError(`${op}: options has no ${missing}`, [`pass     { ${pass} }`]);
}
