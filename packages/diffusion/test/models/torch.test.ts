/** Checkpoints of other programs, and what those compute with them in f64 (golden/torch/make.py). */
import { readFileSync } from "node:fs";
import { CheckpointError, ConfigError, openDevice, tensor, type Device, type DType, type Shape, type Tensor } from "@fromnoise/tensor";
import { loadStateDict, networkOf, toChannelsLast, type Network } from "@fromnoise/nn";
import { expect } from "chai";
import { denoiserOf, processOf, runSampler, samplers, type ModelFile } from "../../src/index.js";
import { emptyNetwork } from "../../src/models/load-model.js";
import { torchFormat } from "../../src/models/formats/torch.js";
import { memorySource, type Source } from "../../src/models/source.js";
import { thrown } from "../thrown.js";

const folder = new URL("../golden/torch/", import.meta.url);
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
const sourceOf = (name: string, bytes = bytesOf(name)): Source => memorySource(name, { [name]: bytes });

interface Golden {
  readonly said: Readonly<Record<string, unknown>>;
  readonly shape: Shape;
  readonly t: readonly number[];
  readonly labels?: readonly number[];
  readonly guess?: number;
  readonly output: readonly number[];
  readonly samples: readonly { readonly sampler: string; readonly options: { readonly steps?: number | string; readonly spacing?: string }; readonly output: readonly number[] }[];
}
const golden = JSON.parse(readFileSync(new URL("models.json", folder), "utf8")) as Readonly<Record<string, Golden>>;

const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);
const inputs = (shape: Shape): Float64Array => Float64Array.from({ length: sizeOf(shape) }, (_, j) => Math.sin(2 + 0.9 * j));
const noise = (shape: Shape, draw: number): Float64Array => Float64Array.from({ length: sizeOf(shape) }, (_, j) => 1.2 * Math.sin(3 + draw + 1.7 * j + 0.003 * j * j));

/** Values in NCHW as a tensor here. */
function channelsLast(values: Float64Array, [n, c, h, w]: Shape, device: Device, dtype: DType): Tensor {
  return tensor(toChannelsLast(values, [n, c, h, w]), { device, dtype, shape: [n, h, w, c] });
}

function networkOn(device: Device, { network, tensors }: ModelFile, dtype: DType): Network {
  const made = networkOf(network);
  loadStateDict(emptyNetwork(made, device, dtype), tensors);
  return made;
}

/** max |a - b| / max |b|, b in NCHW. */
async function difference(y: Tensor, expected: readonly number[]): Promise<number> {
  const [n, h, w, c] = y.shape;
  const values = await y.data();
  const b = toChannelsLast(Float64Array.from(expected), [n, c, h, w]);
  expect(values.length).to.equal(b.length);
  let worst = 0, largest = 0;
  b.forEach((v, i) => {
    worst = Math.max(worst, Math.abs(v - values[i]));
    largest = Math.max(largest, Math.abs(v));
  });
  return worst / largest;
}

describe("checkpoints of other programs", () => {
  for (const [name, { said, shape, t, labels, guess, output, samples }] of Object.entries(golden)) {
    describe(name, () => {
      let device: Device;
      let file: ModelFile;
      before(async () => {
        device = await openDevice("reference");
        file = await torchFormat.read(sourceOf(name), { network: said });
      });
      after(() => device.dispose());

      for (const [dtype, bound] of [["f64", 1e-9], ["f32", 2e-6]] as const) {
        it(`gives the program's output to ${bound} in ${dtype}`, async () => {
          const network = networkOn(device, file, dtype);
          const x = channelsLast(inputs(shape), shape, device, dtype);
          const x0 = guess === undefined ? undefined : channelsLast(noise(shape, guess), shape, device, dtype);
          expect(await difference(network.apply(x, t, { labels, x0 }), output)).to.be.below(bound);
        });
      }

      for (const { sampler: kind, options, output: expected } of samples) {
        for (const [dtype, bound] of [["f64", 1e-9], ["f32", 1e-5]] as const) it(`draws the program's samples to ${bound} in ${dtype}: ${kind} ${JSON.stringify(options)}`, async () => {
          const { prediction, variance, clipX0 } = file;
          const model = { network: networkOn(device, file, dtype), process: processOf(file.process), prediction, variance, clipX0 };
          const [n, c, h, w] = shape;
          const sampler = samplers.find((candidate) => candidate.name === kind)!;
          const counted = typeof options.steps === "string" && /^\d+$/.test(options.steps) ? { steps: Number(options.steps), spacing: "linspace" } : options;
          const run = runSampler(sampler, {
            denoise: denoiserOf(model, { labels }), process: model.process, shape: [n, h, w, c], device, dtype, variance, options: counted,
            noise: (draw) => channelsLast(noise(shape, draw), shape, device, dtype),
          });
          let step = await run.next();
          while (step.done !== true) step = await run.next();
          expect(await difference(step.value, expected)).to.be.below(bound);
        });
      }
    });
  }

  it("says what it read of them, and what it took for granted", async () => {
    const lines = await Promise.all(Object.entries(golden).map(async ([name, { said }]) => (await torchFormat.read(sourceOf(name), { network: said })).source));
    expect(lines).to.deep.equal([]);
  });
});
void [CheckpointError, ConfigError, thrown];
