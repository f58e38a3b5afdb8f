import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, ImageError } from "@fromnoise/tensor";
import { expect } from "chai";
import { ImageCache } from "../../src/data/node/cache.js";
import { listImages } from "../../src/data/node/list-images.js";
import { openDataset, openFolder } from "../../src/data/node/index.js";
import { readImage, toBytes } from "../../src/image/node/index.js";
import { colorJpeg, grayPng } from "../image/fixtures.js";

describe("folders of images", () => {
  let folder = "";
  beforeEach(() => { folder = mkdtempSync(join(tmpdir(), "fromnoise-folder-")); });
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = (name: string, bytes: Uint8Array): void => {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  };

  it("hold every PNG and JPEG below them, sorted by path", () => {
    const names = ["b.png", "B.PNG", "a/z.jpg", "a-b.jpeg", "a/B/c.png", "10.png", "9.png", "\u00e4.png"];
    for (const name of names) write(name, grayPng(1, 1, () => 0));
    for (const other of ["note.txt", ".hidden.png", ".git/x.png", "a/png"]) write(other, Buffer.from("no image"));
    expect(listImages(folder).map(({ path }) => path))
      .to.deep.equal(["10.png", "9.png", "B.PNG", "a-b.jpeg", "a/B/c.png", "a/z.jpg", "b.png", "\u00e4.png"]);
  });

  it("are resized, cropped, and brought to the wanted channels", () => {
    write("1.png", grayPng(4, 2, (x) => [99, 40, 60, 99][x]));
    write("2.jpg", colorJpeg(16, 16, [255, 0, 0]));
    const gray = openDataset(folder, { size: 2, channels: 1 });
    expect(gray).to.deep.include({ count: 2, shape: [2, 2, 1] });
    expect(gray.describe()).to.equal(`${folder}: 2 images, 2x2 gray`);
    expect([...toBytes(gray.sample(0))]).to.deep.equal([40, 60, 40, 60]);
    gray.sample(1).forEach((v) => expect(v).to.be.closeTo(2 * 0.299 - 1, 0.02));
    const rgb = openDataset(folder, { size: 1 });
    expect([...toBytes(rgb.sample(0))]).to.deep.equal([50, 50, 50]);
    expect(rgb.shape).to.deep.equal([1, 1, 3]);
  });

  it("may be of any height and width", () => {
    write("1.png", grayPng(4, 2, (x, y) => 100 * y + 10 * x));
    write("2.png", grayPng(3, 6, (_, y) => 10 * y));
    const wide = openDataset(folder, { size: [1, 3], channels: 1 });
    expect(wide.shape).to.deep.equal([1, 3, 1]);
    expect(wide.describe()).to.equal(`${folder}: 2 images, 3x1 gray`);
    expect([...toBytes(wide.sample(1))], "rows 2 and 3 of 6, of which the first is taken").to.deep.equal([20, 20, 20]);
    const tall = openDataset(folder, { size: [2, 1] });
    expect(tall.shape).to.deep.equal([2, 1, 3]);
    expect([...toBytes(tall.sample(0))], "column 1 of 4").to.deep.equal([10, 10, 10, 110, 110, 110]);
    expect(() => openDataset(folder, { size: [3, 1] })).to.throw(ImageError, "1.png: smaller than the wanted size");
    expect(() => openDataset(folder, { size: [2, 0] })).to.throw(ConfigError, "size is needed for a folder of images");
  });

  it("give the same values from the file and from the cache, which callers cannot spoil", () => {
    write("1.png", grayPng(3, 3, (x, y) => 20 * x + 7 * y));
    const cached = openFolder(folder, { size: 2, channels: 1 });
    const fresh = openFolder(folder, { size: 2, channels: 1, cacheBytes: 0 });
    const first = cached.sample(0);
    first.fill(0);
    expect([...cached.sample(0)]).to.deep.equal([...fresh.sample(0)]);
    rmSync(join(folder, "1.png"));
    expect(cached.sample(0)).to.have.length(4);
    expect(() => fresh.sample(0)).to.throw(ImageError, "1.png: cannot be read");
  });

  it("follow links, also to folders, but to each folder once", () => {
    write("real/1.png", grayPng(1, 1, () => 0));
    write("real/deep/2.png", grayPng(1, 1, () => 0));
    symlinkSync(join(folder, "real"), join(folder, "sea"));
    symlinkSync(folder, join(folder, "real", "up"));
    symlinkSync(join(folder, "real"), join(folder, "real/deep/back"));
    expect(listImages(folder).map(({ path }) => path)).to.deep.equal(["real/1.png", "real/deep/2.png"]);
    symlinkSync(join(folder, "nowhere"), join(folder, "dead.png"));
    symlinkSync(join(folder, "self.png"), join(folder, "self.png"));
    for (const name of ["dead.png", "self.png"]) {
      expect(() => openFolder(folder, { size: 1, channels: 1 })).to.throw(ImageError, `${name}: cannot be read\n  it is a link that leads nowhere`);
      rmSync(join(folder, name));
    }
  });

  it("read regular files only: a pipe is told and does not wait", () => {
    execFileSync("mkfifo", [join(folder, "pipe.png")]);
    write("z.png", grayPng(1, 1, () => 0));
    for (const badImages of [undefined, "stop"] as const) {
      expect(() => openFolder(folder, { size: 1, channels: 1, ...(badImages && { badImages }) }))
        .to.throw(ImageError, "pipe.png: cannot be read\n  it is no regular file, but a pipe or a device");
    }
    expect(() => readImage(join(folder, "pipe.png"))).to.throw(ImageError, "it is no regular file");
    expect(openFolder(folder, { size: 1, channels: 1, badImages: "skip" }).count).to.equal(1);
  });

  describe("with images that cannot be used", () => {
    const bad = (): void => {
      const damaged = grayPng(9, 9, (x) => x).slice();
      damaged[50] ^= 0xff;
      write("b/damaged.png", damaged);
      write("c.jpg", Buffer.from("I am text"));
      write("a.png", grayPng(9, 9, (x) => 10 * x));
      write("d.png", grayPng(9, 9, (x) => 20 * x));
      write("e.png", grayPng(2, 2, () => 0));
    };

    it("name the first of them on opening, where asked to decode everything", () => {
      bad();
      expect(() => openFolder(folder, { size: 8, channels: 1, badImages: "stop" })).to.throw(ImageError, "damaged.png: damaged PNG");
    });
    it("leave them out and count them, where asked to", () => {
      bad();
      const images: number[] = [];
      const data = openFolder(folder, { size: 8, channels: 1, badImages: "skip", onImage: (done, all) => images.push(done / all) });
      expect(images).to.deep.equal([0.2, 0.4, 0.6, 0.8, 1]);
      expect(data.describe()).to.equal(`${folder}: 2 images, 8x8 gray, 3 left out`);
      expect(data.record).to.deep.include({ files: 5, skipped: ["b/damaged.png", "c.jpg", "e.png"] });
      expect([...data.sample(1)]).to.deep.equal([...openFolder(folder, { size: 8, channels: 1, badImages: "skip" }).sample(1)]);
    });
    it("are not decoded again on opening while the folder is as it was", () => {
      bad();
      const { record } = openFolder(folder, { size: 8, channels: 1, badImages: "skip" });
      let decoded = 0;
      const again = (): number => {
        decoded = 0;
        return openFolder(folder, { size: 8, channels: 1, badImages: "skip", known: record, onImage: () => decoded++ }).count;
      };
      expect([again(), decoded]).to.deep.equal([2, 0]);
      write("f.png", grayPng(9, 9, (x) => x));
      expect([again(), decoded]).to.deep.equal([3, 6]);
    });
    it("say so when none is left", () => {
      write("c.jpg", Buffer.from("I am text"));
      expect(() => openFolder(folder, { size: 8, channels: 1, badImages: "skip" }))
        .to.throw(ImageError, "none of its 1 images can be used\n  first      c.jpg");
    });
  });

  it("say when they are missing, empty, or need a size", () => {
    expect(() => openFolder(`${folder}/no`, { size: 1, channels: 1 })).to.throw(ConfigError).with.property("message",
      `data: no folder ${folder}/no\n  expected   a folder with PNG or JPEG images`);
    write("notes.txt", Buffer.from("text"));
    expect(() => openDataset(folder, { size: 8 })).to.throw(ConfigError).with.property("message",
      `data: no images in ${folder}\n  expected   files *.png, *.jpg or *.jpeg, there or in its subfolders`);
    expect(() => openFolder(join(folder, "notes.txt"), { size: 1, channels: 1 })).to.throw(ConfigError, "no folder");
    expect(() => openDataset(folder)).to.throw(ConfigError, "size is needed for a folder of images");
    expect(() => openDataset(folder, { size: 0 })).to.throw(ConfigError, "got        0");
  });

  it("are checked when they are opened: text, empty, truncated and small files are named", () => {
    const refused = (name: string, bytes: Uint8Array, text: string): void => {
      write(name, bytes);
      expect(() => openDataset(folder, { size: 8 })).to.throw(ImageError, `${join(folder, name)}: ${text}`);
      rmSync(join(folder, name));
    };
    write("good.png", grayPng(8, 8, () => 0));
    refused("a.jpg", Buffer.from("I am text"), "not a PNG or JPEG image");
    refused("b.png", new Uint8Array(0), "not a PNG or JPEG image");
    refused("c.png", grayPng(9, 9, (x) => x).subarray(0, 60), "truncated PNG");
    refused("d.png", grayPng(7, 20, () => 0), "smaller than the wanted size");
    expect(openDataset(folder, { size: 8 }).count).to.equal(1);
  });

  it("are checked by the first 64 KiB where files are large", () => {
    let state = 1;
    const noise = grayPng(300, 300, () => (state = (state * 48271) % 2147483647) % 256);
    expect(noise.length).to.be.greaterThan(65536);
    write("large.png", noise);
    expect(openDataset(folder, { size: 300, channels: 1 }).sample(0)).to.have.length(90000);
    write("large.png", noise.subarray(0, 70000));
    expect(() => openDataset(folder, { size: 300 }).sample(0)).to.throw(ImageError, "large.png: truncated PNG");
  });
});

describe("the image cache", () => {
  const make = (i: number): (() => Float32Array) => () => Float32Array.of(i, i);

  it("keeps within its bytes and lets the least recently used go", () => {
    const cache = new ImageCache(24);
    let made = 0;
    const get = (i: number): number => cache.get(i, () => { made++; return make(i)(); })[0];
    expect([1, 2, 3].map(get)).to.deep.equal([1, 2, 3]);
    expect([made, cache.bytes]).to.deep.equal([3, 24]);
    expect([1, 4, 3, 1].map(get)).to.deep.equal([1, 4, 3, 1]);
    expect(made, "4 took the place of 2").to.equal(4);
    get(2);
    expect([made, cache.bytes]).to.deep.equal([5, 24]);
  });

  it("keeps nothing that is larger than itself", () => {
    const cache = new ImageCache(7);
    expect([...cache.get(1, make(1))]).to.deep.equal([1, 1]);
    expect(cache.bytes).to.equal(0);
  });
});
