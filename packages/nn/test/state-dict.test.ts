import { expect } from "chai";
import { CheckpointError, openDevice, type Device } from "@fromnoise/tensor";
import {
  Adam, Conv2d, Linear, UNet, initialize, loadStateDict, stateDict, type Module, type StateDict,
} from "@fromnoise/nn";
import { messageOf, smallConfig, smallUNet, valuesOf } from "./small.js";

describe("state dicts", () => {
  let device: Device;
  beforeEach(async () => void (device = await openDevice("reference")));
  afterEach(() => device.dispose());

  /** A 1x2 -> 3 channel convolution and a linear layer. */
  const small = (seed: number): Module => {
    const layers = [new Conv2d("conv", 2, 3), new Linear("linear", 2, 3)];
    return initialize({ name: "", parameters: layers.flatMap((layer) => layer.parameters) }, { device, dtype: "f64", seed });
  };

  it("hold PyTorch's layouts: OIHW for convolutions, [out, in] for linear layers", async () => {
    const module = small(1);
    const [weight, , linear] = module.parameters;
    const dict = await stateDict(module);
    expect([...dict].map(([name, { shape }]) => [name, shape])).to.deep.equal([
      ["conv.weight", [3, 2, 3, 3]], ["conv.bias", [3]], ["linear.weight", [3, 2]], ["linear.bias", [3]],
    ]);
    const ours = await valuesOf(weight.tensor);                            // [kh, kw, Cin, Cout]
    const theirs = dict.get("conv.weight")!.data;                          // [Cout, Cin, kh, kw]
    for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) for (let c = 0; c < 2; c++) for (let o = 0; o < 3; o++) {
      expect(theirs[((o * 2 + c) * 3 + i) * 3 + j]).to.equal(ours[((i * 3 + j) * 2 + c) * 3 + o]);
    }
    const [a, b, c, d, e, f] = await valuesOf(linear.tensor);              // [in 2, out 3]
    expect(Array.from(dict.get("linear.weight")!.data)).to.deep.equal([a, d, b, e, c, f]);
  });

  it("give back every parameter of a U-Net bit for bit", async () => {
    const [a, b] = [smallUNet(device, {}, 1), smallUNet(device, {}, 2)];
    const tensors = device.memory().tensors;
    const own = b.parameters.map((p) => p.tensor);
    loadStateDict(b, await stateDict(a));
    expect(b.parameters.map((p) => p.tensor), "the same tensors with other contents").to.deep.equal(own);
    for (const [i, p] of a.parameters.entries()) {
      expect(await valuesOf(b.parameters[i].tensor), p.name).to.deep.equal(await valuesOf(p.tensor));
    }
    expect(device.memory().tensors).to.equal(tensors);
  });

  it("round values to the dtype of the model", async () => {
    const module = small(1);
    const narrow = initialize(new Linear("linear", 2, 3), { device, dtype: "f32", seed: 0 });
    const dict: StateDict = new Map([...(await stateDict(module))].filter(([name]) => name.startsWith("linear")));
    loadStateDict(narrow, dict);
    expect(await valuesOf(narrow.weight.tensor)).to.deep.equal((await valuesOf(module.parameters[2].tensor)).map(Math.fround));
  });

  it("keep moments as they keep parameters", async () => {
    const module = small(1);
    const adam = new Adam(module);
    const dict = await stateDict(small(2));
    loadStateDict(module, dict, adam.m);
    expect(await stateDict(module, adam.m)).to.deep.equal(dict);
    expect((await stateDict(module)).get("conv.bias"), "the parameters stay").to.not.deep.equal(dict.get("conv.bias"));
  });

  it("name every missing, extra and misshaped tensor and change nothing", async () => {
    const module = small(1);
    const before = await stateDict(module);
    const dict = await stateDict(small(2));
    dict.delete("conv.bias");
    dict.set("norm.weight", { shape: [7], data: new Float64Array(7) });
    dict.set("linear.weight", { shape: [2, 3], data: new Float64Array(6) });
    dict.set("linear.bias", { shape: [3], data: new Float64Array(2) });
    expect(() => loadStateDict(module, dict)).to.throw(CheckpointError);
    expect(messageOf(() => loadStateDict(module, dict))).to.equal([
      "CheckpointError: the state dict does not fit the model: 1 missing, 1 extra, 2 misshaped",
      "  missing    conv.bias [3]",
      "  extra      norm.weight [7]",
      "  misshaped  linear.weight [2, 3]   expected [3, 2]",
      "  misshaped  linear.bias [3]   expected [3], holds 2 values",
    ].join("\n"));
    expect(await stateDict(module)).to.deep.equal(before);
  });

  it("shorten long lists of names", () => {
    const unet = smallUNet(device);
    const message = messageOf(() => loadStateDict(unet, new Map()));
    expect(message).to.contain(`${unet.parameters.length} missing, 0 extra, 0 misshaped`);
    expect(message).to.match(new RegExp(`\\.\\.\\. and ${unet.parameters.length - 12} more$`));
  });

  it("need a model with values", async () => {
    const empty = new UNet(smallConfig);
    const error: unknown = await stateDict(empty).catch((e: unknown) => e);
    expect((error as Error).message).to.equal(
      "parameter conv_in.weight has no values yet\n  initialize(module, { device, seed }) gives a module its first values");
  });
});
