import { expect } from "chai";
import { clone, observe, openDevice, Random, randomNormal, type Device, type Tensor } from "@fromnoise/tensor";
import {
  Attention, Dit, Grads, Linear, LucidrainsUNet, Mlp, ResBlock, Sequential, UNet, initialize, tapLayers, type LayerTap, type Module,
} from "@fromnoise/nn";
import { messageOf, smallConfig, smallUNet, valuesOf } from "./small.js";

describe("tapLayers", () => {
  let device: Device;
  beforeEach(async () => void (device = await openDevice("reference")));
  afterEach(() => device.dispose());
  const normal = (...shape: number[]): Tensor => randomNormal(shape, new Random(2), { device, dtype: "f64" });
  const made = <M extends Module>(module: M): M => initialize(module, { device, dtype: "f64", seed: 1 });
  const inWords = ({ name, call, kind, operand, tensor }: LayerTap): string =>
    `${name} ${call} ${kind} ${operand} [${tensor.shape.join(", ")}]`;

  it("shows what goes into a layer and what comes out, on the way forward and back", async () => {
    const layer = made(new Linear("fc", 2, 3));
    const x = normal(4, 2), dy = normal(4, 3);
    const kept = new Map<string, Tensor>();
    const words: string[] = [];
    const [y, dx] = tapLayers((tap) => {
      words.push(inWords(tap));
      kept.set(tap.kind, device.keep(clone(tap.tensor)));
    }, () => device.scope(() => {
      const [out, cache] = layer.forward(x);
      return [out, layer.backward(dy, cache, new Grads(device))];
    }));
    expect(words).to.deep.equal(["fc 0 in x [4, 2]", "fc 0 out y [4, 3]", "fc 0 dout dy [4, 3]", "fc 0 din dx [4, 2]"]);
    for (const [kind, t] of [["in", x], ["out", y], ["dout", dy], ["din", dx]] as const) {
      expect(await valuesOf(kept.get(kind)!), kind).to.deep.equal(await valuesOf(t));
    }
  });

  it("numbers the forwards of a layer; a backward has the number of its forward", () => {
    const layer = made(new Linear("fc", 2, 2));
    const words: string[] = [];
    tapLayers((tap) => words.push(`${tap.kind} ${tap.call}`), () => {
      const [a, first] = layer.forward(normal(1, 2));
      const [b, second] = layer.forward(a);
      const grads = new Grads(device);
      layer.backward(layer.backward(b, second, grads), first, grads);
    });
    expect(words).to.deep.equal(["in 0", "out 0", "in 1", "out 1", "dout 1", "din 1", "dout 0", "din 0"]);
  });

  it("names inputs and outputs of blocks, and has each name once however a layer is made of others", () => {
    const options = { inChannels: 2, outChannels: 4, timeChannels: 3, groups: 2 };
    const block = made(new ResBlock("r", { ...options, timeScaleShift: "scale_shift" }));
    const words: string[] = [];
    tapLayers((tap) => words.push(inWords(tap)), () => {
      const [y, cache] = block.forward(normal(1, 2, 2, 2), normal(1, 3));
      block.backward(y, cache, new Grads(device));
    });
    expect(words.filter((line) => line.startsWith("r "))).to.deep.equal([
      "r 0 in x [1, 2, 2, 2]", "r 0 in temb [1, 3]", "r 0 out y [1, 2, 2, 4]",
      "r 0 dout dy [1, 2, 2, 4]", "r 0 din dx [1, 2, 2, 2]", "r 0 din dtemb [1, 3]",
    ]);
    expect(words.filter((line) => line.startsWith("r.norm2 "))).to.deep.equal([
      "r.norm2 0 in x [1, 2, 2, 4]", "r.norm2 0 in t [1, 8]", "r.norm2 0 out y [1, 2, 2, 4]",
      "r.norm2 0 dout dy [1, 2, 2, 4]", "r.norm2 0 din dx [1, 2, 2, 4]", "r.norm2 0 din dt [1, 8]",
    ]);
  });

  it("shows every layer of the networks that has parameters, and every block, forward and back", () => {
    const everything = { num_class_embeds: 3, upsample_type: "resnet", down_block_types: ["AttnDownBlock2D", "AttnDownBlock2D"] };
    const networks = [
      made(new UNet({ ...smallConfig, ...everything })), made(new Mlp({ size: 2, hidden: [4, 4], classes: 3 })),
      made(new Dit({ sample_size: 4, channels: 2, width: 8, depth: 2, heads: 2, classes: 3 })),
      made(new LucidrainsUNet({ era: "2.0", dim: 8, dim_mults: [1, 2], channels: 2 })),
    ] as const;
    for (const network of networks) {
      const shape = network.spec.sample.map((side) => side ?? 8);
      const names: Record<LayerTap["kind"], Set<string>> = { in: new Set(), out: new Set(), dout: new Set(), din: new Set() };
      tapLayers(({ name, kind }) => names[kind].add(name), () => device.scope(() => {
        const [y, cache] = network.forward(normal(2, ...shape), [3, 900], network.spec.classes === undefined ? {} : { labels: [2, 0] });
        network.backward(y, cache as never, new Grads(device));
      }));
      const layers = network.parameters.map(({ name }) => name.slice(0, name.lastIndexOf(".")));
      expect([...names.out]).to.include.members(["", ...layers]);
      expect([...names.dout].sort()).to.deep.equal([...names.out].sort());
      const blocks = [
        "down_blocks.0", "down_blocks.0.downsamplers.0", "mid_block", "up_blocks.1", "mid_block.resnets.0", "mid_block.attentions.0",
      ];
      const parts: Readonly<Record<string, readonly string[]>> = {
        unet: blocks, mlp: ["body"],
        lucidrains: ["downs.0", "downs.0.0", "downs.0.2", "downs.0.3", "mid", "mid_attn", "ups.1", "time_mlp", "final_res_block"],
        dit: ["blocks.0", "blocks.1.norm1", "blocks.1.attn", "blocks.1.mlp", "blocks.1.mlp.act", "final_layer.norm_final"],
      };
      expect([...names.in]).to.include.members(parts[network.spec.kind]);
    }
  });

  it("runs the same kernels with and without, forward, back and without caches", () => {
    const unet = smallUNet(device);
    const x = normal(1, 8, 8, 2);
    const kernels = (tapped: boolean): string[] => {
      const seen: string[] = [];
      const run = (): void => device.scope(() => {
        const [y, cache] = unet.forward(x, [5]);
        unet.backward(y, cache, new Grads(device));
        unet.apply(x, [5]);
      });
      observe(device, { after: ({ kernel, layer }) => void seen.push(`${kernel} ${layer}`) },
        () => (tapped ? tapLayers(() => undefined, run) : run()));
      return seen;
    };
    expect(kernels(true)).to.deep.equal(kernels(false));
  });

  it("does not tap what the visitor computes, ends with fn, also when it throws, and may stand inside another", () => {
    const [layer, probe] = [made(new Linear("fc", 2, 2)), made(new Linear("probe", 2, 2))];
    const [outer, inner]: string[][] = [[], []];
    tapLayers(({ name }) => outer.push(name), () => {
      tapLayers(({ name, tensor }) => {
        inner.push(name);
        probe.forward(tensor);
      }, () => layer.forward(normal(1, 2)));
      probe.forward(normal(1, 2));
    });
    expect([outer, inner]).to.deep.equal([["probe", "probe"], ["fc", "fc"]]);
    expect(() => tapLayers(() => outer.push("late"), () => { throw new Error("stop"); })).to.throw("stop");
    expect(() => tapLayers(() => { throw new Error("visitor"); }, () => layer.forward(normal(1, 2)))).to.throw("visitor");
    layer.forward(normal(1, 2));
    expect(outer).to.have.length(2);
    expect(messageOf(() => tapLayers(() => undefined, async () => undefined))).to.equal(
      "DeviceError: tapLayers: the function returned a promise; what is tapped is synchronous\n  read values after it");
  });

  it("keeps a row of layers and attention apart from what they are made of", () => {
    const row = made(new Sequential<unknown>("row", [new Attention("row.0", 2, { groups: 1 })]));
    const words: string[] = [];
    tapLayers((tap) => words.push(`${tap.name} ${tap.kind}`), () => row.forward(normal(1, 2, 2, 2)));
    expect(words.slice(0, 2)).to.deep.equal(["row in", "row.0 in"]);
    expect(words.slice(-2)).to.deep.equal(["row.0 out", "row out"]);
  });
});
