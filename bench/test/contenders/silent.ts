/** Opens, and then cannot do the work, or never answers, or dies, as its bench says. */
import type { Engine } from "../../src/engine.js";

export async function openEngine(): Promise<Engine> {
  return {
    description: "no good",
    open(bench) {
      if (bench === "softmax") process.exit(3);
      if (bench === "reduce") return new Promise(() => setInterval(() => undefined, 1000));
      throw new TypeError("Kernel 'MatMul' not registered");
    },
  };
}
