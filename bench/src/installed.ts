import { existsSync } from "node:fs";
import { ConfigError } from "@fromnoise/tensor";

/** Throws ConfigError where the libraries of bench/peers are not installed. */
export function assertInstalled(peer: string): void {
  if (existsSync(new URL("../peers/node_modules", import.meta.url))) return;
  throw new ConfigError(`${peer} is not installed`, ["install  npm run bench:peers"]);
}
