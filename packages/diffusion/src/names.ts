/** Names out of a list, checked where they are used: a checkpoint or plain JavaScript may bring any string. */
import { ConfigError } from "@fromnoise/tensor";

/** @throws ConfigError naming what was asked for and what there is, when a name is not one of the names known. */
export function checkName(what: string, name: unknown, known: readonly string[]): void {
  if ((known as readonly unknown[]).includes(name)) return;
  throw new ConfigError(`${what}: ${JSON.stringify(name)} is not known`, [`allowed    ${known.join(", ")}`]);
}
