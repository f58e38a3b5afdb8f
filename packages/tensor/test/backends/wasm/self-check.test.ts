import { expect } from "chai";
import { loadModule } from "../../../src/backends/wasm/machine/loader.js";
import { Machine, type KernelName } from "../../../src/backends/wasm/machine/machine.js";
import { Memory } from "../../../src/backends/wasm/machine/memory.js";
import { compareMachines } from "../../../src/backends/wasm/machine/self-check.js";
import { DeviceError } from "../../../src/core/errors.js";
import { thrown } from "../../thrown.js";

const start = async (): Promise<Machine> => Machine.start(await loadModule("base", false), new Memory(false), 1);

/** A machine that launches one kernel otherwise: how often, and over how many of its chunks. */
async function spoiled(name: KernelName, how: { times?: number; chunks?: (chunks: number) => number }): Promise<Machine> {
  const { times = 1, chunks: share = (chunks) => chunks } = how;
  const machine = await start();
  const launch = machine.launch.bind(machine);
  machine.launch = (kernel, args) => {
    if (kernel.name !== name) return launch(kernel, args);
    for (let i = 0; i < times; i++) launch({ ...kernel, chunks: (address) => share(kernel.chunks(address)) }, args);
  };
  return machine;
}

describe("the self-check of the revectorized build", () => {
  it("lets a machine pass that is right and faster, and gives the speed-up", async () => {
    const slow = await spoiled("gemm", { times: 3 });
    expect(compareMachines(await start(), slow, "fast")).to.be.within(1.1, 10);
  });

  for (const [kernel, trial, precision] of [
    ["gemm", "product", "fast"], ["winogradConv", "Winograd convolution", "fast"],
    ["winogradConv", "Winograd convolution", "exact"],
    ["winogradWeights", "Winograd convolution", "exact"],
  ] as const) {
    it(`refuses a machine on which ${kernel} leaves out its last chunk, ${precision}`, async () => {
      const wrong = await spoiled(kernel, { chunks: (chunks) => chunks - 1 });
      const base = await start();
      const error = thrown(() => compareMachines(wrong, base, precision));
      expect(error).to.be.instanceOf(DeviceError);
      const [first, second] = error.message.split("\n");
      expect(first).to.equal("wasm: the revectorizer of this engine computes wrong numbers; open the device without it");
      expect(second).to.match(new RegExp(`^ {2}element \\d+ of a ${trial} is \\S+, expected -?\\d`));
    });
  }

  it("refuses a machine that is slower than the base build", async () => {
    const slow = await spoiled("gemm", { times: 3 });
    const base = await start();
    const error = thrown(() => compareMachines(slow, base, "fast"));
    expect(error).to.be.instanceOf(DeviceError);
    expect(error.message).to.match(new RegExp(
      "^wasm: the revectorizer of this engine makes the device slower; open the device without it\n" +
      "  measured 0\\.\\d\\d of the speed of the base build\n  needed   Node 24 or later"));
  });
});
