import { expect } from "chai";
import { readFileSync } from "node:fs";
import { kernelNames } from "../../../src/backends/wasm/generated/bindings.js";
import { loadModule } from "../../../src/backends/wasm/machine/loader.js";
import { Machine } from "../../../src/backends/wasm/machine/machine.js";
import { Memory } from "../../../src/backends/wasm/machine/memory.js";

const wasm = new URL("../../../src/backends/wasm/", import.meta.url);
const linesOf = (file: string): string[] => readFileSync(new URL(file, wasm), "utf8").split("\n");
const start = async (): Promise<Machine> => Machine.start(await loadModule("base", false), new Memory(false), 1);

/** Arguments of a fill of n floats. */
const fill = (machine: Machine, y: number, n: number, value: number) => machine.bind.Full({ y, n, value });

describe("the generated bindings of the wasm kernels", () => {
  it("name files and lines of the assembly at which the class or function stands", () => {
    const places = [...linesOf("generated/bindings.ts").join("\n").matchAll(/assembly\/(\S+\.ts):(\d+) (\w+)/g)];
    const wrong = places.filter(([, file, line, name]) =>
      !new RegExp(`^export (class|function) ${name}\\b`).test(linesOf(`assembly/${file}`)[Number(line) - 1]));
    expect(wrong.map(([place]) => place)).to.deep.equal([]);
    const named = new Set(places.map(([, , , name]) => name));
    expect(kernelNames.filter((kernel) => !named.has(kernel))).to.deep.equal([]);
    expect(places.length).to.be.above(80);
  });

  it("take exactly the fields of the assembly's classes and the kernels of each", async () => {
    const machine = await start();
    const neverCalled = (): void => {
      // @ts-expect-error: value is missing
      machine.bind.Full({ y: 0, n: 1 });
      // @ts-expect-error: m is none of the fields
      machine.bind.Full({ y: 0, n: 1, value: 0, m: 1 });
      // @ts-expect-error: flags are booleans
      machine.bind.Gemm({ a: 0, b: 0, c: 0, batch: 1, m: 1, n: 1, k: 1, transA: 0, transB: false });
      // @ts-expect-error: gemm takes other arguments
      machine.bind.Full({ y: 0, n: 1, value: 0 }).run("gemm");
      // @ts-expect-error: there is no such kernel
      machine.bind.Full({ y: 0, n: 1, value: 0 }).run("fill");
    };
    expect(neverCalled).to.be.a("function");
    expect(Object.keys(machine.kernels)).to.deep.equal([...kernelNames]);
    for (const kernel of Object.values(machine.kernels)) {
      expect([typeof kernel.run, typeof kernel.chunks], kernel.name).to.deep.equal(["function", "function"]);
    }
  });

  it("keep their values when others are used in between", async () => {
    const machine = await start();
    const { memory } = machine;
    const [a, b] = [1, 2].map(() => memory.allocate(64, () => "a test").address);
    const values = (address: number): number[] => [...memory.floats.subarray(address / 4, address / 4 + 2)];
    const outer = fill(machine, a, 16, 1);
    outer.run("full");
    machine.scratch(64, "a test", (scratch) => {
      fill(machine, scratch, 16, 2).run("full");
      machine.bind.CopyRows({ x: scratch, y: b, rows: 1, length: 16, xStride: 16, yStride: 16, repeat: 1 }).run("copyRows");
      expect(values(b)).to.deep.equal([2, 2]);
      outer.set({ y: b });
      outer.run("full");
    });
    expect([values(a), values(b)]).to.deep.equal([[1, 1], [1, 1]]);
    outer.set({ value: 3 });
    outer.run("full");
    outer.run("full");
    expect([values(a), values(b)]).to.deep.equal([[1, 1], [3, 3]]);
  });

  it("answer questions by values that were set since", async () => {
    const { bind } = await start();
    const product = bind.Gemm({ a: 0, b: 0, c: 0, batch: 1, m: 1, n: 8, k: 3, transA: false, transB: false });
    expect(product.packBytes()).to.equal(8 * 3 * 4);
    product.set({ batch: 2, k: 5 });
    expect(product.packBytes()).to.equal(2 * 8 * 5 * 4);
  });
});
