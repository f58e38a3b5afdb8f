/** Variants, shards and pickles of diffusers' weights. */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { CheckpointError, openDevice, type Device } from "@fromnoise/tensor";
import { encodeSafetensors, initialize, stateDict, UNet, unetConfig, type StateDict } from "@fromnoise/nn";
import { diffusersFormat } from "../../src/models/formats/diffusers.js";
import { memorySource } from "../../src/models/source.js";
import { loadModel } from "../../src/models/load-model.js";
import { thrown } from "../thrown.js";
import { tinyModel } from "../train/fixtures.js";

type Files = Record<string, Uint8Array>;
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const packed = (tensors: Iterable<readonly [string, { shape: readonly number[]; data: Float32Array | Float64Array }]>): Uint8Array =>
  new Uint8Array(Buffer.concat([...encodeSafetensors(tensors, { format: "pt" })]));

describe("the weights of a folder of diffusers", () => {
  let device: Device;
  let tensors: StateDict;
  before(async () => {
    device = await openDevice("reference");
    tensors = await stateDict(initialize(new UNet(unetConfig(tinyModel)), { device, seed: 3 }));
  });
  after(() => device.dispose());

  const names = (): string[] => [...tensors.keys()];
  const part = (wanted: readonly string[]): Uint8Array => packed(wanted.map((name) => [name, tensors.get(name)!] as const) as never);
  const config = (): Files => ({ "unet/config.json": json(tinyModel) });
  const halves = (): [string[], string[]] => [names().slice(0, 20), names().slice(20)];
  const SHARDS = ["diffusion_pytorch_model-00001-of-00002.safetensors", "diffusion_pytorch_model-00002-of-00002.safetensors"] as const;

  /** Two shards in unet/ and an index, which says what `change` makes of the truth. */
  function sharded(change: (map: Record<string, unknown>) => Record<string, unknown> = (map) => map): Files {
    const [first, second] = halves();
    const map = Object.fromEntries([...first.map((name) => [name, SHARDS[0]]), ...second.map((name) => [name, SHARDS[1]])]);
    return {
      ...config(), [`unet/${SHARDS[0]}`]: part(first), [`unet/${SHARDS[1]}`]: part(second),
      "unet/diffusion_pytorch_model.safetensors.index.json": json({ metadata: { total_size: 1 }, weight_map: change(map as Record<string, unknown>) }),
    };
  }

  const refusal = async (files: Files, variant?: string): Promise<string> =>
    (await thrown(CheckpointError, diffusersFormat.read(memorySource("m", files), variant === undefined ? {} : { variant }))).message;

  it("may be in shards: the network is the same, to the last bit", async () => {
    const source = memorySource("m", sharded());
    expect(await diffusersFormat.detect(source)).to.equal(true);
    expect(await stateDict((await loadModel(source, device)).network)).to.deep.equal(tensors);
    expect((await diffusersFormat.describe(source)).network.config["block_out_channels"]).to.deep.equal([4, 8]);
  });

  it("in shards that are not there, or hold something else than the index says, are refused", async () => {
    const { [`unet/${SHARDS[1]}`]: _gone, ...files } = sharded();
    expect(await refusal(files)).to.equal(
      `m/unet/diffusion_pytorch_model.safetensors.index.json: 1 of 2 shards are missing\n  missing  ${SHARDS[1]}`,
    );
    const [first, second] = halves();
    const index = "m/unet/diffusion_pytorch_model.safetensors.index.json";
    expect(await refusal({ ...sharded(), [`unet/${SHARDS[1]}`]: part([...second, first[0]]) }))
      .to.equal(`${index}: the shard ${SHARDS[1]} holds the tensor ${first[0]}\n  index    says it is in ${SHARDS[0]}`);
    expect(await refusal({ ...sharded(), [`unet/${SHARDS[1]}`]: part(second.slice(1)) }))
      .to.equal(`${index}: 1 tensors are not in the shards that it names\n  missing  ${second[0]} in ${SHARDS[1]}`);
    expect(await refusal(sharded(({ [first[3]]: _unsaid, ...map }) => map)))
      .to.equal(`${index}: the shard ${SHARDS[0]} holds the tensor ${first[3]}\n  index    does not know it`);
  });

  describe("in PyTorch's own files", () => {
    const folder = new URL("../golden/bin/", import.meta.url);
    const files = (...wanted: string[]): Files => Object.fromEntries(
      ["config.json", ...wanted].map((name) => [`unet/${name}`, new Uint8Array(readFileSync(new URL(name, folder)))]),
    );
    const SHARDED = ["diffusion_pytorch_model.bin.index.json", ...[1, 2].map((i) => `diffusion_pytorch_model-0000${i}-of-00002.bin`)];
    /** Parameter k is 0.1 sin(0.7 (k + 1) + 1.3 j + 0.01 j j), 1 more in a norm's weight, as PyTorch rounds it. */
    const expected = (name: string, k: number, n: number): number[] => Array.from({ length: n }, (_, j) => Math.fround(
      (name.includes("norm") && name.endsWith(".weight") ? 1 : 0) + 0.1 * Math.sin(0.7 * (k + 1) + 1.3 * j + 0.01 * j * j),
    ));

    it("are read, whole and in shards", async () => {
      for (const wanted of [["diffusion_pytorch_model.bin"], SHARDED]) {
        const { tensors: read, network } = await diffusersFormat.read(memorySource("m", files(...wanted)));
        [...read].forEach(([name, { data, shape }], k) => {
          const worst = Math.max(...expected(name, k, data.length).map((value, j) => Math.abs(value - data[j])));
          expect(worst, `${name} [${shape.join(", ")}]`).to.be.below(1e-7);
        });
        const unet = (await loadModel(memorySource("m", files(...wanted)), device)).network;
        expect(unet.parameters.length).to.equal(read.size);
        expect(network.config["mid_block_type"]).to.equal(null);
      }
    });

    it("have variants too, and give way to safetensors", async () => {
      const half = await diffusersFormat.read(memorySource("m", files("diffusion_pytorch_model.fp16.bin")), { variant: "fp16" });
      const [first] = half.tensors.values();
      expect(first.data[1]).to.be.closeTo(expected("conv_in.weight", 0, 2)[1], 1e-4).and.not.equal(expected("conv_in.weight", 0, 2)[1]);
      const both = { ...files("diffusion_pytorch_model.bin"), ...config(), "unet/diffusion_pytorch_model.safetensors": part(names()) };
      expect((await diffusersFormat.read(memorySource("m", both))).tensors.size).to.equal(tensors.size);
    });

    it("that hold something else than a state dict are refused", async () => {
      const other = new Uint8Array(readFileSync(new URL("../../../nn/test/golden/torch/checkpoint.pt", import.meta.url)));
      expect(await refusal({ ...config(), "unet/diffusion_pytorch_model.bin": other })).to.equal(
        "m/unet/diffusion_pytorch_model.bin holds no state dict\n  expected a dict of names and tensors, as diffusers saves it",
      );
      const { [`unet/${SHARDED[2]}`]: _gone, ...rest } = files(...SHARDED);
      expect(await refusal(rest)).to.contain("1 of 2 shards are missing");
    });
  });

  it("never leave the folder of their index", async () => {
    for (const file of ["../secret.safetensors", "/etc/secret.safetensors", "a/b.safetensors", "..\\x.safetensors", ".safetensors", "x.bin", 3]) {
      expect(await refusal(sharded((map) => ({ ...map, "conv_in.bias": file })))).to.contain(`conv_in.bias is in ${JSON.stringify(file)}\n  allowed  `);
    }
    expect(await refusal(sharded(() => ({})))).to.contain("has no weight_map");
  });

  it("of a variant are taken where it is asked for, and no other", async () => {
    const file = "unet/diffusion_pytorch_model";
    const doubled = packed([...tensors].map(([name, { shape, data }]) => [name, { shape, data: data.map((v) => 2 * v) as Float32Array }] as const));
    const both = memorySource("m", { ...config(), [`${file}.safetensors`]: part(names()), [`${file}.fp16.safetensors`]: doubled });
    const bias = async (variant?: string): Promise<number> =>
      (await diffusersFormat.read(both, variant === undefined ? {} : { variant })).tensors.get("conv_in.bias")!.data[0];
    expect(await bias("fp16")).to.equal(2 * (await bias()));
    expect((await diffusersFormat.read(both, { variant: "fp16" })).source).to.equal("m, as diffusers wrote it, variant fp16, without a scheduler: DDPMScheduler's defaults");
    expect((await loadModel(both, device, { variant: "fp16" })).source).to.contain("variant fp16");
    expect(await refusal({ ...config(), [`${file}.fp16.safetensors`]: doubled })).to.equal([
      "m holds no weights", "  expected diffusion_pytorch_model.safetensors beside a config.json, or both in unet/",
      "  found    the variant fp16", '  hint     --variant fp16 reads it, { variant: "fp16" } in code',
    ].join("\n"));
    expect(await refusal({ ...config(), [`${file}.safetensors`]: part(names()) }, "bf16")).to.equal([
      'm holds no weights of the variant "bf16"', "  expected diffusion_pytorch_model.bf16.safetensors beside a config.json, or both in unet/",
      "  found    weights without a variant",
    ].join("\n"));
    const index = "unet/diffusion_pytorch_model.safetensors.index";
    const { [`${index}.json`]: said, ...files } = sharded();
    expect((await diffusersFormat.read(memorySource("m", { ...files, [`${index}.fp16.json`]: said }), { variant: "fp16" })).tensors.size)
      .to.equal(tensors.size);
  });
});
