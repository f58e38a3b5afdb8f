import { ConfigError, ShapeError } from "@fromnoise/tensor";
import { expect } from "chai";
import { BatchOrder, loadBatch, type Dataset } from "../../src/data/node/index.js";

const take = (order: BatchOrder, n: number): number[] => Array.from({ length: n }, () => [...order.next()]).flat();

describe("the order of batches", () => {
  it("goes through all images in every epoch, each time in another order, and drops nothing", () => {
    const order = new BatchOrder({ count: 10, batch: 4, seed: 7 });
    const seen = take(order, 10);
    const epochs = [0, 1, 2, 3].map((e) => seen.slice(10 * e, 10 * e + 10));
    for (const epoch of epochs) expect([...epoch].sort((a, b) => a - b)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(epochs.map(String)).size).to.equal(4);
    expect(order.position).to.equal(40);
  });

  it("is a pure function of the seed and the position, whatever the batch size", () => {
    const sixty = (seed: number, batch: number): number[] => take(new BatchOrder({ count: 10, batch, seed }), 60 / batch);
    expect(sixty(7, 4)).to.deep.equal(sixty(7, 3));
    expect(sixty(7, 4)).not.to.deep.equal(sixty(8, 4));
  });

  it("takes batches larger than the dataset", () => {
    const batch = [...new BatchOrder({ count: 3, batch: 9, seed: 0 }).next()];
    for (const e of [0, 3, 6]) expect(batch.slice(e, e + 3).sort()).to.deep.equal([0, 1, 2]);
  });

  it("continues from a sought position as if it had never stopped, images and flips alike", () => {
    const all = new BatchOrder({ count: 10, batch: 4, seed: 123 });
    for (let step = 0; step < 12; step++) {
      const resumed = new BatchOrder({ count: 10, batch: 4, seed: 123 });
      resumed.seek(all.position);
      expect([...resumed.flips()]).to.deep.equal([...all.flips()]);
      expect([...resumed.next()]).to.deep.equal([...all.next()]);
      expect(resumed.position).to.equal(all.position);
    }
    all.seek(0);
    expect(take(all, 3)).to.deep.equal(take(new BatchOrder({ count: 10, batch: 4, seed: 123 }), 3));
  });

  it("flips about half of the images, anew in every epoch", () => {
    const order = new BatchOrder({ count: 1000, batch: 1000, seed: 5 });
    const first = order.flips(0), second = order.flips(1000);
    for (const flips of [first, second]) expect(flips.reduce((s, v) => s + v)).to.be.within(430, 570);
    const equal = first.filter((v, i) => v === second[i]).length;
    expect(equal).to.be.within(430, 570);
    expect([...order.flips(10).subarray(0, 20)]).to.deep.equal([...first.subarray(10, 30)]);
    expect([...order.flips()]).to.deep.equal([...first]);
  });

  it("refuses counts, batches and positions that are none", () => {
    expect(() => new BatchOrder({ count: 0, batch: 1, seed: 0 })).to.throw(ConfigError,
      "count is out of range\n  got        0\n  allowed    a whole number of at least 1");
    expect(() => new BatchOrder({ count: 1, batch: 1.5, seed: 0 })).to.throw(ConfigError, "batch is out of range");
    expect(() => new BatchOrder({ count: 1, batch: 1, seed: 0 }).seek(-1)).to.throw(ConfigError, "data position is out of range");
  });
});

describe("loading a batch", () => {
  const dataset: Dataset = {
    name: "test", count: 3, shape: [2, 2, 1],
    sample: (i) => Float32Array.of(i, 0.1, 0.2, 0.3).map(Math.fround),
    describe: () => "test",
  };
  const f32 = (...values: number[]): number[] => [...new Float32Array(values)];

  it("puts images side by side", () => {
    expect([...loadBatch(dataset, [2, 0])]).to.deep.equal(f32(2, 0.1, 0.2, 0.3, 0, 0.1, 0.2, 0.3));
  });

  it("mirrors those that are to be flipped", () => {
    const batch = loadBatch(dataset, Int32Array.of(2, 1), Uint8Array.of(0, 1));
    expect([...batch]).to.deep.equal(f32(2, 0.1, 0.2, 0.3, 0.1, 1, 0.3, 0.2));
  });

  it("mirrors images of any height, width and channels row by row", () => {
    const image: Dataset = { ...dataset, shape: [1, 3, 2], sample: () => Float32Array.of(1, 2, 3, 4, 5, 6) };
    expect([...loadBatch(image, [0], [1])]).to.deep.equal([5, 6, 3, 4, 1, 2]);
  });

  const points: Dataset = { name: "points", count: 2, shape: [2], sample: (i) => [i, 0.1], describe: () => "points" };

  it("takes samples of any shape, and keeps all bits of those that are no Float32Arrays", () => {
    expect(loadBatch(dataset, [1])).to.be.instanceOf(Float32Array);
    expect(loadBatch(points, [1, 0])).to.deep.equal(Float64Array.of(1, 0.1, 0, 0.1));
    const mixed: Dataset = { ...points, sample: (i) => (i === 0 ? Float32Array.of(0, 1) : Float64Array.of(0, 0.1)) };
    expect(loadBatch(mixed, [0, 1])).to.deep.equal(Float64Array.of(0, 1, 0, 0.1));
  });

  it("refuses to mirror what is no image, whichever samples it would be", () => {
    expect(() => loadBatch(points, [0], [0])).to.throw(ConfigError).with.property("message",
      "flip: samples of points have no mirror images\n  shape      [2]\n  allowed    [H, W, C]: images alone are mirrored");
  });

  it("refuses a sample of another length than its shape, by its index", () => {
    for (const [length, got] of [[3, "3 values"], [5, "5 values"]] as const) {
      const wrong: Dataset = { ...dataset, sample: (i) => new Float32Array(i === 2 ? length : 4) };
      expect(loadBatch(wrong, [0, 1])).to.have.length(8);
      expect(() => loadBatch(wrong, [0, 2])).to.throw(ShapeError).with.property("message",
        `test: sample 2 has another length than its shape\n  got        ${got}\n  expected   4, of shape [2, 2, 1]`);
    }
  });
});
