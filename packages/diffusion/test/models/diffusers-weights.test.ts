/** Variants and shards of diffusers' weights. */
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
    expect((await diffusersFormat.read(both, { variant: "fp16" })).source).to.equal("m, as diffusers wrote it, variant fp16");
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
