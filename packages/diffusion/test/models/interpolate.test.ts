import { expect } from "chai";
import { ConfigError, openDevice, ShapeError, type Device } from "@fromnoise/tensor";
import type { DiffusionModel } from "../../src/denoisers/denoiser.js";
import { exactDenoiser } from "../../src/denoisers/exact.js";
import { interpolateLatents, interpolateNoised, slerp } from "../../src/models/interpolate.js";
import { discreteProcess } from "../../src/process/process.js";
import { saying } from "../samplers/stepping.js";
import { thrown } from "../thrown.js";

describe("samples between two others", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());
  const process = discreteProcess({ name: "cosine", timesteps: 400 });
  const mixture = exactDenoiser({ weights: [0.5, 0.5], means: [[0.7, 0.7], [-0.7, -0.7]], sd: 0.15 });
  const model: DiffusionModel = {
    network: saying((x, t) => mixture(x, process.at(t)).eps, [2]), process, prediction: "eps", clipX0: false,
  };
  const [a, b] = [[0.8, 0.6], [-0.6, -0.9]];
  const rows = ({ data }: { data: ArrayLike<number> }): number[][] =>
    Array.from({ length: data.length / 2 }, (_, i) => [data[2 * i], data[2 * i + 1]]);
  const distance = (x: readonly number[], y: readonly number[]): number => Math.hypot(x[0] - y[0], x[1] - y[1]);

  it("are the two at the ends where they are encoded, and samples of the data between", async () => {
    const fractions = [0, 0.25, 0.5, 0.75, 1];
    const memory = device.memory().tensors;
    const between = rows(await interpolateLatents({ model, device, a, b, fractions, options: { steps: 200 } }));
    expect(device.memory().tensors).to.equal(memory);
    expect(distance(between[0], a)).to.be.below(0.05);
    expect(distance(between[4], b)).to.be.below(0.05);
    for (const point of [between[1], between[3]]) {
      expect(Math.min(distance(point, [0.7, 0.7]), distance(point, [-0.7, -0.7]))).to.be.below(4 * 0.15);
    }
  });

  it("are freer the more noise is added: their mixture with little, with much whatever the data have", async () => {
    const memory = device.memory().tensors;
    const at = (t: number, seed = 0): Promise<number[][]> =>
      interpolateNoised({ model, device, a, b, fractions: [0, 0.5, 1], at: process.at(t), seed, options: { steps: 100 } }).then(rows);
    const little = await at(4);
    expect(device.memory().tensors).to.equal(memory);
    expect(distance(little[0], a)).to.be.below(0.1);
    expect(distance(little[2], b)).to.be.below(0.1);
    const much = await at(390);
    for (const point of much) expect(Math.min(distance(point, [0.7, 0.7]), distance(point, [-0.7, -0.7]))).to.be.below(4 * 0.15);
    expect(await at(390)).to.deep.equal(much);
    expect(await at(390, 1)).not.to.deep.equal(much);
  });

  it("lie on a circle where noises are mixed", () => {
    const [x, y] = [[1, 0, 0], [0, 2, 0]];
    expect(Array.from(slerp(x, y, 0))).to.deep.equal(x);
    slerp(x, y, 0.5).forEach((value, i) => expect(value).to.be.closeTo([Math.SQRT1_2, Math.SQRT2, 0][i], 1e-15));
    expect(Array.from(slerp(x, x, 0.3))).to.deep.equal(x);
    expect(() => slerp(x, [1], 0.5)).to.throw(ShapeError, "slerp: a and b differ in length");
  });

  it("need two samples of the network, and fractions", async () => {
    const wrong = (changes: object): Promise<unknown> => interpolateNoised({ model, device, a, b, fractions: [0.5], ...changes });
    expect((await thrown(ShapeError, wrong({ b: [1] }))).message).to.equal("interpolation: b is no sample of the network\n  values   1   expected 2");
    expect((await thrown(ConfigError, wrong({ fractions: [] }))).summary).to.equal("interpolation: the fractions are not numbers");
    expect((await thrown(ConfigError, wrong({ labels: [1, 2] }))).summary).to.equal("interpolation: 2 labels for 1 samples");
  });
});
