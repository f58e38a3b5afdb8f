/** The doctor on a model that is exact, and on the same model with one thing wrong: no training, so that every figure is what it must be. */
import { multiply, openDevice, Random, randomNormal, add, type Device } from "@fromnoise/tensor";
import { expect } from "chai";
import { noiseAtTheEnd, reversed, withoutNoise, wrongPrevious } from "../../../../docs/breaking/samplers.js";
import { ancestral, ddim, diagnose, discreteProcess, findingLine, samplers, type AnySampler, type DiagnoseOptions, type Diagnosis } from "../../src/index.js";
import { detailEnergy } from "../../src/doctor/statistics.js";
import { examineTrials, trySampler } from "../../src/doctor/sampler-trial.js";
import { withCauses } from "../../src/doctor/causes.js";
import type { Patient } from "../../src/doctor/patient.js";
import { classData, Oracle, process } from "./oracle.js";

describe("the doctor", function () {
  this.timeout(120_000);
  let device: Device;
  before(async () => {
    device = await openDevice("wasm", { threads: 1 });
  });
  after(() => device.dispose());

  const training = classData(120, 1), heldOut = classData(64, 2);
  const quick = { sampler: ddim as AnySampler, options: { steps: 40, eta: 0 }, count: 32 };
  const of = (changes: Partial<DiagnoseOptions> = {}): Promise<Diagnosis> =>
    diagnose({ model: { network: new Oracle("v"), process, prediction: "v" }, device, training, heldOut, ...quick, ...changes });
  const names = ({ findings }: Diagnosis): string[] => findings.map(({ name }) => name);
  const roots = ({ findings }: Diagnosis): string[] => findings.filter(({ because }) => because === undefined).map(({ name }) => name);

  for (const prediction of ["v", "eps", "x0", "flow"] as const) {
    it(`finds nothing in an exact model that predicts ${prediction}`, async () => {
      const diagnosis = await of({ model: { network: new Oracle(prediction), process, prediction } });
      expect(diagnosis.findings.map(findingLine)).to.deep.equal([]);
      expect(diagnosis.figures.length).to.be.above(20);
    });
  }

  it("finds an output that is read as another prediction, and says as which", async () => {
    const diagnosis = await of({ model: { network: new Oracle("v"), process, prediction: "eps" } });
    expect(roots(diagnosis)[0]).to.equal("read-otherwise");
    expect(diagnosis.findings[0].change).to.contain("trained to predict v");
    const negative = await of({ model: { network: new Oracle("v", { output: (y) => multiply(y, -1) }), process, prediction: "v" } });
    expect(negative.findings[0].change).to.contain("trained to predict the negative of v");
  });

  it("finds a network that is told the wrong time, or no time", async () => {
    const backwards = await of({ model: { network: new Oracle("v", { time: (t) => 199 - t }), process, prediction: "v" } });
    expect(roots(backwards)).to.include("other-time");
    const deaf = await of({ model: { network: new Oracle("v", { time: () => 100 }), process, prediction: "v" } });
    expect(roots(deaf)[0]).to.equal("no-time");
  });

  it("finds classes that are exchanged", async () => {
    const diagnosis = await of({ model: { network: new Oracle("v", { label: (label) => (label + 1) % 4 }), process, prediction: "v" } });
    expect(roots(diagnosis)).to.deep.equal(["class-renamed"]);
    expect(diagnosis.findings.find(({ name }) => name === "class-wrong")!.because).to.equal("class-renamed");
    const any = await of({ model: { network: new Oracle("v", { label: () => 2 }), process, prediction: "v" } });
    expect(names(any)).to.include.members(["class-unheard", "class-wrong"]);
  });

  it("finds answers that are random, or of another scale", async () => {
    const random = new Random(3);
    const noisy = (y: Parameters<NonNullable<ConstructorParameters<typeof Oracle>[1]>["output"] & object>[0]): typeof y =>
      add(y, multiply(randomNormal(y.shape, random, { device }), 0.2));
    expect(roots(await of({ model: { network: new Oracle("v", { output: noisy }), process, prediction: "v" } }))[0]).to.equal("random-answers");
    expect(names(await of({ model: { network: new Oracle("v", { output: (y) => multiply(y, 0.6) }), process, prediction: "v" } }))).to.include("output-scale");
    expect(names(await of({ model: { network: new Oracle("v", { output: (y) => multiply(y, 0) }), process, prediction: "v" } }))).to.include("no-input");
  });

  it("finds a process that leaves signal at its end", async () => {
    const short = discreteProcess({ name: "linear", timesteps: 200 });
    expect(names(await of({ model: { network: new Oracle("v"), process: short, prediction: "v" } }))).to.include("signal-at-the-end");
  });

  it("finds data in another range", async () => {
    const shifted = { ...training, sample: (i: number) => Float64Array.from(training.sample(i), (v) => (v + 1) / 2) };
    expect(names(await of({ training: shifted, heldOut: shifted }))).to.include("data-range");
  });

  it("finds samples in the wrong range, order of channels, or all alike, from images alone", async () => {
    const { samples } = await of();
    const changed = (change: (v: number, i: number) => number): Promise<Diagnosis> => {
      const { images: { shape, data }, labels } = samples;
      return of({ samples: { images: { shape, data: Float64Array.from(data, change) }, labels }, sampler: undefined });
    };
    expect(names(await changed((v) => v))).to.deep.equal([]);
    expect(names(await changed((v) => (v + 1) / 2))).to.include("samples-brightness");
    const { data } = samples.images;
    expect(names(await changed((_, i) => data[i - (i % 3) + 2 - (i % 3)]))).to.include("samples-colour");
    expect(names(await changed((_, i) => data[i % 108]))).to.include("samples-alike");
    const noise = new Random(9).normal(data.length);
    expect(names(await changed((v, i) => v + 0.9 * noise[i]))).to.include.members(["samples-detail", "samples-beyond"]);
    expect(names(await changed(() => -1))).to.include.members(["samples-constant", "samples-black"]);
    expect(names(await changed((v, i) => (i === 7 ? NaN : v)))).to.deep.equal(["not-finite"]);
    expect(names(await changed((_, i) => training.sample(Math.floor(i / 108))[i % 108]))).to.include("copies");
  });

  it("finds what a sampler does wrong, and nothing where it does right", async () => {
    const found = async (sampler: AnySampler, options: object = {}): Promise<string[]> => {
      const trial = await trySampler(sampler, { process, device, options, mean: -0.4, spread: 0.5, seed: 0 });
      return examineTrials({ trial, training } as unknown as Patient).findings.map(({ name }) => name);
    };
    for (const sampler of samplers) expect(await found(sampler), sampler.name).to.deep.equal([]);
    expect(await found(ancestral as AnySampler, { variance: "fixed-large" })).to.deep.equal([]);
    expect(await found(wrongPrevious as AnySampler)).to.include("sampler-levels");
    expect(await found(noiseAtTheEnd as AnySampler)).to.deep.equal(["sampler-noise-left"]);
    expect(await found(withoutNoise as AnySampler)).to.include("sampler-end");
    expect(names(await of({ sampler: reversed(ddim as AnySampler) }))).to.include("samples-colour");
  });

  it("says the same for the same seed, and other figures for another", async () => {
    const [a, b, c] = [await of(), await of(), await of({ seed: 1 })].map(({ figures }) => figures);
    expect(a).to.deep.equal(b);
    expect(a).not.to.deep.equal(c);
  });

  it("refuses data without classes for a network with classes", async () => {
    const { label: _label, classes: _classes, ...bare } = training;
    const error = await of({ training: bare }).then(() => undefined, (thrown: Error) => thrown);
    expect(error?.message).to.contain("the network has classes, and the data have none");
  });

  it("names causes before what follows from them", () => {
    const finding = (name: string, severity: "fault" | "warning") => ({ name, severity, what: "", found: "", usual: "", change: "" });
    const told = withCauses([finding("samples-detail", "fault"), finding("copies", "fault"), finding("sampler-levels", "fault"), finding("overfit", "warning")]);
    expect(told.map(({ name, because }) => [name, because])).to.deep.equal([
      ["sampler-levels", undefined], ["copies", undefined], ["overfit", undefined], ["samples-detail", "sampler-levels"],
    ]);
  });

  it("measures the variance of white noise in its finest detail", () => {
    const noise = Float64Array.from(new Random(4).normal(64 * 64 * 3), (v) => 0.3 * v);
    expect(detailEnergy(noise, [64, 64, 3])).to.be.closeTo(0.09, 0.004);
    expect(detailEnergy(new Float64Array(48).fill(2), [4, 4, 3])).to.equal(0);
  });
});
