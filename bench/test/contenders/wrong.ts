/** The reference device with one wrong value in every result. */
import { openDevice } from "@fromnoise/tensor";
import { deviceEngine } from "../../src/device-engine.js";
import type { Engine } from "../../src/engine.js";

export async function openEngine(): Promise<Engine> {
  const engine = deviceEngine(await openDevice("reference"));
  return {
    description: "wrong on purpose",
    async open(bench, shape) {
      const session = await engine.open(bench, shape);
      return {
        ...session,
        async results() {
          const [y] = await session.results();
          return [Float64Array.from(y, (value, i) => (i === 5 ? value + 1 : value))];
        },
      };
    },
  };
}
