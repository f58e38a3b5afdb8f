/** The warning of tensors that a loop leaves: a training loop without a scope gets it, and none that is written as it should be. */
import { expect } from "chai";
import { mse, openDevice, Random, randomNormal, setDebug, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { Adam, Ema, Grads, Mlp, UNet, clipCoefficient, globalNorm, initialize, type Network } from "@fromnoise/nn";
import { smallConfig } from "./small.js";

describe("training loops and the warning of leaks", () => {
  let device: Device;
  const lines: string[] = [];
  beforeEach(async () => {
    lines.length = 0;
    const restore = setDebug({ print: (line) => void lines.push(line) });
    device = await openDevice("wasm", { threads: 1 });
    restore();
  });
  afterEach(() => device.dispose());

  const train = async (network: Network, shape: readonly number[], steps: number, scoped: boolean): Promise<void> => {
    initialize(network, { device, seed: 1 });
    const [adam, ema, random] = [new Adam(network), new Ema(network), new Random(2)];
    for (let i = 0; i < steps; i++) {
      const grads = new Grads(device);
      const step = (): Tensor => {
        const [x, target] = [randomNormal(shape, random, { device }), randomNormal(shape, random, { device })];
        const [y, cache] = network.forward(x, new Array<number>(shape[0]).fill(i));
        network.backward(mse.backward(tensor(1, { device }), y, target).da, cache, grads);
        return globalNorm(grads);
      };
      const norm = scoped ? device.scope(step) : step();
      adam.step(grads, { gradScale: clipCoefficient(await norm.item(), 1) });
      ema.update();
      if (!scoped) continue;
      norm.dispose();
      grads.clear();
    }
  };

  it("is given to a loop without a scope, and says what to do", async () => {
    await train(new Mlp({ size: 2, hidden: [16, 16, 16] }), [8, 2], 300, false);
    expect(lines).to.have.length(1);
    expect(lines[0]).to.match(/^wasm: \d+ tensors are alive[\s\S]*most often \w+ \(\d+\)\n[\s\S]*device\.scope/);
  });

  it("is not given to loops with one, however much a step holds", async () => {
    await train(new Mlp({ size: 2, hidden: [16, 16, 16] }), [8, 2], 300, true);
    await train(new UNet({ ...smallConfig, layers_per_block: 3 }), [1, 8, 8, 2], 20, true);
    expect(lines).to.deep.equal([]);
  });
});
