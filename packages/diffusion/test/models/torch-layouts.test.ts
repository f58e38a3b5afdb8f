/** Layouts of weights with tensors that are missing, of other shapes or names: refused by one line, whatever they are. */
import { readFileSync } from "node:fs";
import { FromnoiseError, Random, sizeOf } from "@fromnoise/tensor";
import { describe as describeNetwork, lucidrainsConfig, networkOf, readTorchFile, TorchTensor, type StateEntry, type TorchStateDict } from "@fromnoise/nn";
import { expect } from "chai";
import { checkTensors } from "../../src/models/formats/checkpoint.js";
import { torchContents } from "../../src/models/formats/torch-contents.js";
import { hoLayout } from "../../src/models/formats/torch-ho.js";
import type { TorchLayout } from "../../src/models/formats/torch-layout.js";
import { lucidrainsLayout } from "../../src/models/formats/torch-lucidrains.js";
import { openaiLayout } from "../../src/models/formats/torch-openai.js";

const MUTANTS = 150, SEED = 11;
const files: readonly (readonly [string, TorchLayout])[] = [
  ["ema_0.9999_000100.pt", openaiLayout], ["model000200.pt", openaiLayout], ["ho.pt", hoLayout], ["model-1.pt", lucidrainsLayout], ["model-3.pt", lucidrainsLayout],
];

/** A state dict with one to three changes. */
function changed(dict: TorchStateDict, draw: (n: number) => number): TorchStateDict {
  const entries = [...dict];
  for (let left = 1 + draw(3); left > 0; left--) {
    const at = draw(entries.length), [name, tensor] = entries[at], [other, another] = entries[draw(entries.length)];
    const shape = [...tensor.shape];
    const kinds = [
      () => void entries.splice(at, 1),
      () => void (entries[at] = [other, tensor]),
      () => void (entries[at] = [name.replace(/\d+/, String(draw(12))), tensor]),
      () => void (entries[at] = [name, reshaped(tensor, shape.slice(draw(shape.length + 1)))]),
      () => void (entries[at] = [name, reshaped(tensor, shape.map((side) => [0, 1, side, 2 * side, side + 1, 2 ** 24][draw(6)]))]),
      () => void (entries[at] = [name, another]),
    ];
    kinds[draw(kinds.length)]();
  }
  return new Map(entries);
}

function reshaped({ storage, dtype }: TorchTensor, shape: readonly number[]): TorchTensor {
  return new TorchTensor(storage, dtype, shape, shape.map(() => 0), 0);
}

describe("layouts of weights of other programs", () => {
  for (const [name, layout] of files) {
    it(`${name}: ${MUTANTS} changes of names and shapes, seed ${SEED}, are refused by a line`, async () => {
      const bytes = new Uint8Array(readFileSync(new URL(`../golden/torch/${name}`, import.meta.url)));
      const file = await readTorchFile({ size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) }, name);
      const { sets } = torchContents(file.value, name);
      const dict = sets.get("ema") ?? sets.get("model")!;
      const random = new Random(SEED);
      const draw = (n: number): number => Math.floor(random.uniform(1)[0] * n);
      let refused = 0;
      for (let i = 0; i < MUTANTS; i++) {
        const mutant = changed(dict, draw);
        if (!layout.knows(mutant)) continue;
        try {
          const model = await layout.model({ source: name, dict: mutant, facts: new Map(), numbers: async (tensor) => (await file.read(dict.get(tensor)!)).data }, {});
          const wanted = [...mutant].filter(([key]) => model.wanted(key));
          const zeros = wanted.map(([key, { shape }]): [string, StateEntry] => [key, { shape, data: new Float32Array(Math.min(sizeOf(shape), 2 ** 20)) }]);
          checkTensors(name, model.convert(new Map(zeros)), networkOf(model.network));
        } catch (error) {
          expect(error, `mutant ${i}: ${String((error as Error).stack)}`).to.be.instanceOf(FromnoiseError);
          refused++;
        }
      }
      expect(refused).to.be.above(MUTANTS / 3);
    });
  }

  for (const [version, era] of [["1.6.4", "1.6"], ["1.8.8", "1.8"], ["2.3.1", "2.0"]]) {
    it(`lucidrains' network of dim 64 in version ${version} is told by names and shapes`, async () => {
      const list = readFileSync(new URL(`../../../nn/test/golden/lucidrains_unet_dim64_${version}.txt`, import.meta.url), "utf8");
      const dict = new Map(list.trim().split("\n").map((line) => {
        const [name, shape] = line.split("\t");
        const sides = JSON.parse(shape) as number[];
        return [name, new TorchTensor({ key: "0", dtype: "float32", elements: sizeOf(sides) }, "float32", sides, sides.map(() => 0), 0)];
      }));
      const { network } = await lucidrainsLayout.model({ source: version, dict, facts: new Map(), numbers: async () => [] }, {});
      expect(network).to.deep.equal({ kind: "lucidrains", config: lucidrainsConfig({ era, dim: 64, ...(era === "1.6" ? {} : { full_attn: [false, false, false, true] }) }) });
      expect(describeNetwork(networkOf(network)).map(({ name, shape }) => `${name}\t[${shape.join(", ")}]`).sort()).to.deep.equal(list.trim().split("\n").sort());
    });
  }
});
