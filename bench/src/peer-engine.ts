/** Peers that are JavaScript: the plain loops of this folder, and the libraries in bench/peers. */
import type { Engine, PeerContext } from "./engine.js";
import { assertInstalled } from "./installed.js";
import { naiveEngine } from "./naive.js";
import { peerContext } from "./peer-context.js";

/** Engine of a peer `name[:backend]`. Throws ConfigError where it is not installed. */
export async function openPeerEngine(spec: string, threads: number): Promise<Engine> {
  const [name, backend = ""] = spec.split(":");
  if (name === "js") return naiveEngine;
  const file = new URL(`../peers/${name}.mjs`, import.meta.url);
  assertInstalled(name);
  const { open } = await import(file.href) as { open: (context: PeerContext) => Promise<Engine> };
  return open(peerContext(backend, threads));
}
