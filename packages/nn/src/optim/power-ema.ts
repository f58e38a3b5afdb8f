import { elementary } from "@fromnoise/tensor";
import type { Network } from "../networks/network.js";
import type { Module } from "../parameters/module.js";
import { Ema } from "./ema.js";
import { profileExponent } from "./power-profile.js";

/**
 * Average of a network's parameters by a power of time: update n = 1, 2, ... has the decay (1 - 1/n)^(gamma + 1), so that the values
 * after update s weigh as s^gamma (Karras et al. 2024, section 3.1; see power-profile.ts). It remembers always the same share of the
 * training, and nothing of the random start. From two of them, kept from time to time, any other length can be rebuilt when training
 * is over. Throws ConfigError for a relative length out of 0.01 .. 0.3, and as `Ema`.
 */
export class PowerEma<N extends Module = Network> extends Ema<N> {
  readonly exponent: number;

  constructor(source: N & { create(): N }, readonly length: number) {
    super(source);
    this.exponent = profileExponent(length);
  }

  override decayAt(n: number): number {
    return n === 1 ? 0 : elementary.power(1 - 1 / n, this.exponent + 1);
  }
}
