import { expect } from "chai";
import { isFused, kernelDefinition, kernelNames, unaryOps } from "@fromnoise/tensor";
import { fromnoise } from "./fromnoise.js";

describe("fromnoise inspect --kernels", () => {
  let out: string;
  before(async () => {
    const { code, out: text, err } = await fromnoise("inspect", "--kernels");
    expect(code, err).to.equal(0);
    out = text;
  });

  it("fits 132 columns", () => {
    expect(Math.max(...out.split("\n").map((line) => line.length))).to.be.within(100, 132);
  });

  it("lists every kernel in the order of the contract, the required ones first, with its whole equation", () => {
    const names = [...out.split("\noperations\n")[0].matchAll(/^ {2}(\w+) +\S/gm)].map(([, name]) => name);
    const required = kernelNames.filter((name) => !isFused(name)), fused = kernelNames.filter(isFused);
    expect(names).to.deep.equal(["kernel", ...required, "kernel", ...fused]);
    const equations = out.split("\n").map((line) => line.slice(80).trim()).join(" ");
    for (const name of kernelNames) expect(equations, name).to.contain(kernelDefinition(name).equation);
  });

  it("marks lists and the inputs that are replaced, and wraps what is long", () => {
    const line = (...cells: string[]): string => `  ${cells[0].padEnd(24)}${cells[1].padEnd(32)}${cells[2].padEnd(22)}${cells[3]}\n`;
    expect(out).to.contain(
      line("adam", "p[]!, m[]!, v[]!, g[] -> p[],", "lr, beta1, beta2,", "g' = gradScale g; m = beta1 m + (1 - beta1) g'; v =") +
      line("", "m[], v[]", "eps, correction1,", "beta2 v + (1 - beta2) g'^2; p = p (1 - lr"));
    expect(out).to.contain("  assign                  target!, source -> target                             target = source\n");
    expect(out).to.match(/^27 required kernels\n[\s\S]*\n13 fused kernels\n/);
  });

  it("names the operations of the kernels that have several", () => {
    expect(out.replaceAll(/\s+/g, " ")).to.contain(`unary ${unaryOps.join(", ")} binary `);
  });

  it("gives the same as JSON", async () => {
    const list = JSON.parse((await fromnoise("inspect", "--kernels", "--json")).out) as { name: string }[];
    expect(list.map(({ name }) => name)).to.deep.equal(kernelNames);
    expect(list.find(({ name }) => name === "ema")).to.deep.equal({
      name: "ema", fused: false, inputs: ["target[]", "source[]"], outputs: ["target[]"], updated: ["target"], scalars: ["decay"],
      equation: "target = decay target + (1 - decay) source, for every tensor of the lists",
    });
  });

  it("takes no model", async () => {
    const { code, err } = await fromnoise("inspect", "--kernels", "runs/digits");
    expect(code).to.equal(2);
    expect(err).to.match(/^ConfigError: unexpected argument "runs\/digits"\n/);
  });
});
