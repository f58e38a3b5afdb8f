import { expect } from "chai";
import { openWasm, type WasmBackend } from "../../../src/backends/wasm/index.js";
import { loadModule } from "../../../src/backends/wasm/machine/loader.js";
import { Machine } from "../../../src/backends/wasm/machine/machine.js";
import { Memory } from "../../../src/backends/wasm/machine/memory.js";
import type { AttentionAttrs } from "../../../src/kernels/contract.js";
import { Random } from "../../../src/random/random.js";
import { runReference } from "../../../src/verify/run-reference.js";
import { conformanceError, conformanceErrors, runOn } from "../conformance.js";
import { wasmTolerance } from "./tolerance.js";

type Operands = Record<"dy" | "q" | "k" | "v", Float64Array>;

function operands({ n, heads, l, s, d }: AttentionAttrs): Operands {
  const random = new Random(3);
  const rows = (count: number): Float64Array => Float64Array.from(random.normal(n * count * heads * d), Math.fround);
  return { dy: rows(l), q: rows(l), k: rows(s), v: rows(s) };
}

describe("attention on the wasm device", () => {
  let backend: WasmBackend;
  before(async () => void (backend = await openWasm({ threads: 2 })));
  after(() => backend.dispose());

  it("is right where there are more keys than a round has, 1024, and where they are just as many", async () => {
    const cases = [1023, 1024, 1025, 2049].map((s) => ({ n: 1, heads: 2, l: 67, s, d: 5 }));
    for (const kernel of ["attention", "attentionGrad"] as const) {
      for (const { tensor, attrs, error } of await conformanceErrors(backend, kernel, { dtype: "f32" }, cases)) {
        expect(error, `${tensor} of ${JSON.stringify(attrs)}`).to.be.at.most(wasmTolerance("fast")(kernel));
      }
    }
  });

  /** Outputs of both kernels, beside those of the reference. */
  async function compare(attrs: AttentionAttrs, { dy, q, k, v }: Operands, scale: number): Promise<[string, number][]> {
    const errors: [string, number][] = [];
    for (const [kernel, inputs] of [["attention", { q, k, v }], ["attentionGrad", { dy, q, k, v }]] as const) {
      const { outputs } = await runOn(backend, kernel, inputs, attrs, { scale }, { dtype: "f32" });
      for (const [name, exact] of Object.entries(runReference(kernel, inputs, attrs, { scale }))) {
        errors.push([name, conformanceError(outputs[name] as Float32Array, exact as Float64Array, 1)]);
      }
    }
    return errors;
  }

  it("has NaN and infinities where the reference has them, in whichever round of keys they come in", async () => {
    for (const s of [7, 1030]) {
      const attrs = { n: 1, heads: 2, l: 4, s, d: 3 };
      for (const [tensor, at, value] of [
        ["q", 7, NaN], ["k", 4, NaN], ["v", 1, NaN], ["v", 2, Infinity], ["dy", 5, -Infinity], ["k", 9, Infinity],
        ["k", (s - 1) * 6, NaN], ["k", (s - 1) * 6 + 4, -Infinity], ["q", 0, Infinity],
      ] as const) {
        const inputs = operands(attrs);
        inputs[tensor][at] = value;
        for (const [name, error] of await compare(attrs, inputs, 0.5)) {
          expect(error, `${name} with ${value} at ${at} of ${tensor}, ${s} keys`).to.be.at.most(1e-5);
        }
      }
    }
  });

  it("stays right where scores are large, rise from round to round, or are scaled by a negative number", async () => {
    const attrs = { n: 1, heads: 1, l: 3, s: 2100, d: 4 };
    const rising = operands(attrs);
    for (let key = 0; key < attrs.s; key++) for (let c = 0; c < 4; c++) rising.k[4 * key + c] *= key / 20;
    for (const scale of [0.5, -0.5]) {
      for (const [name, error] of await compare(attrs, rising, scale)) expect(error, name).to.be.at.most(1e-4);
    }
  });

  it("gives each head what it gives alone, bit for bit, and touches no channel of another", async () => {
    const attrs = { n: 2, heads: 3, l: 35, s: 41, d: 7 }, scale = 0.4;
    const all = operands(attrs), one = { ...attrs, heads: 1 };
    const ofHead = (x: Float64Array | Float32Array, head: number): Float64Array =>
      Float64Array.from(x).filter((_, i) => Math.floor(i / attrs.d) % attrs.heads === head);
    const run = async (sizes: AttentionAttrs, inputs: Operands) => (await runOn(backend, "attentionGrad", inputs, sizes, { scale }, { dtype: "f32" })).outputs;
    const together = await run(attrs, all);
    for (let head = 0; head < attrs.heads; head++) {
      const alone = await run(one, {
        dy: ofHead(all.dy, head), q: ofHead(all.q, head), k: ofHead(all.k, head), v: ofHead(all.v, head),
      });
      for (const name of ["dq", "dk", "dv"]) {
        expect([...ofHead(together[name] as Float32Array, head)], `${name} of head ${head}`).to.deep.equal([...alone[name] as Float32Array]);
      }
    }
  });

  it("needs a workspace that does not grow with the queries, nor with the keys beyond a round", async () => {
    const machine = await Machine.start(await loadModule("base", false), new Memory(false), 1);
    const words = machine.memory.words, at = machine.arguments / 4;
    const sizes = (l: number, s: number): number[] => {
      words.set([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, l, s, 64], at); // no addresses, one head of one image
      return [machine.kernels.attention, machine.kernels.attentionGrad].map(({ workspace }) => workspace!(machine.arguments));
    };
    expect(sizes(2 ** 20, 2 ** 20)).to.deep.equal(sizes(64, 1024));
    expect(Math.max(...sizes(2 ** 20, 2 ** 20))).to.be.at.most(2 ** 21);
  });
});
