import { ConfigError } from "@fromnoise/tensor";
import { Dit } from "./dit/dit.js";
import { LucidrainsUNet } from "./lucidrains/lucidrains-unet.js";
import { Mlp } from "./mlp/mlp.js";
import type { JsonObject, Network, NetworkSpec } from "./network.js";
import { innerSpec, SelfConditioned } from "./self-conditioned.js";
import { UNet } from "./unet/unet.js";

/** Kinds of networks by name, each with what builds one from its config. */
export interface NetworkKinds {
  /** `kinds` are all that are known there, for networks within networks. */
  readonly [kind: string]: (config: JsonObject, kinds: NetworkKinds) => Network;
}

/** The networks of this library. */
export const networkKinds: NetworkKinds = {
  unet: (config) => new UNet(config),
  dit: (config) => new Dit(config),
  lucidrains: (config) => new LucidrainsUNet(config),
  mlp: (config) => new Mlp(config),
  "self-conditioned": (config, kinds) => new SelfConditioned(networkOf(innerSpec(config), kinds)),
};

/**
 * The network that a spec describes, without values: "unet", "dit", "lucidrains", "mlp", "self-conditioned", or one of `kinds`, which come
 * first. Throws ConfigError for an unknown kind, and what the network's own constructor throws.
 */
export function networkOf({ kind, config }: Pick<NetworkSpec, "kind" | "config">, kinds: NetworkKinds = {}): Network {
  const all = { ...networkKinds, ...kinds };
  if (Object.hasOwn(all, kind)) return all[kind](config, all);
  throw new ConfigError(`network kind "${kind}" is not known`, [
    `allowed  ${Object.keys(all).join(", ")}`, `hint     pass your own: { "${kind}": (config) => new YourNetwork(config) }`,
  ]);
}
