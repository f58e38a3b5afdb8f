import { CheckpointError } from "@fromnoise/tensor";
import { expect } from "chai";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSafetensors, saveSafetensors, type FileLayer } from "../src/formats/files.js";
import { platformFiles as browserFiles } from "../src/platform/browser.js";
import { platformFiles as nodeFiles } from "../src/platform/node.js";
import { encodeSafetensors, type HostTensor } from "../src/formats/safetensors.js";

const tensors = (value: number): [string, HostTensor][] => [
  ["w", { shape: [2, 2], data: Float32Array.of(value, 2, 3, 4) }],
  ["m", { shape: [1], data: Float64Array.of(value / 3) }],
];
const encoded = (value: number): Buffer => Buffer.concat([...encodeSafetensors(tensors(value))]);

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => undefined, (e: unknown) => e);
  expect(error).to.be.instanceOf(CheckpointError);
  return (error as CheckpointError).message;
}

describe("saving and loading safetensors files", () => {
  let folder = "";
  let path = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "fromnoise-files-"));
    path = join(folder, "model.safetensors");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("gives back what was saved, and leaves nothing else in the folder", async () => {
    await saveSafetensors(path, tensors(1), { step: "1" });
    await saveSafetensors(path, tensors(7), { step: "2" });
    const { tensors: read, metadata } = await loadSafetensors(path);
    expect(metadata).to.deep.equal({ step: "2" });
    expect(read.get("w")).to.deep.equal({ dtype: "F32", shape: [2, 2], data: Float32Array.of(7, 2, 3, 4) });
    expect(read.get("m")!.data).to.deep.equal(Float64Array.of(7 / 3));
    expect(readdirSync(folder)).to.deep.equal(["model.safetensors"]);
  });

  it("writes the bytes that encoding gives, in the dtype asked for", async () => {
    await saveSafetensors(path, tensors(1));
    expect(readFileSync(path).equals(encoded(1))).to.equal(true);
    await saveSafetensors(path, tensors(1), {}, { dtype: "F32" });
    expect((await loadSafetensors(path)).tensors.get("m")!.dtype).to.equal("F32");
  });

  it("loads only the tensors asked for", async () => {
    await saveSafetensors(path, tensors(1));
    expect([...(await loadSafetensors(path, { filter: (name) => name === "w" })).tensors.keys()]).to.deep.equal(["w"]);
  });

  it("two saves at once under one name do not mix", async () => {
    await Promise.all([1, 2, 3, 4].map((value) => saveSafetensors(path, tensors(value))));
    expect([1, 2, 3, 4].some((value) => readFileSync(path).equals(encoded(value)))).to.equal(true);
    expect(readdirSync(folder)).to.deep.equal(["model.safetensors"]);
  });

  it("says why a file cannot be read", async () => {
    expect(await messageOf(loadSafetensors(path))).to.equal(`cannot read ${path}: no such file or folder`);
    expect(await messageOf(loadSafetensors(folder))).to.equal(`cannot read ${folder}: it is a folder`);
    writeFileSync(path, encoded(1).subarray(0, -3));
    const size = encoded(1).length;
    expect(await messageOf(loadSafetensors(path))).to.equal(
      `${path}: truncated\n  "w" ends at byte ${size}, the file has ${size - 3}`);
    writeFileSync(path, encoded(1));
    const shrinking: FileLayer = {
      ...nodeFiles,
      async open(name) {
        const file = await nodeFiles.open(name);
        writeFileSync(path, encoded(1).subarray(0, 12));
        return file;
      },
    };
    expect(await messageOf(loadSafetensors(path, { files: shrinking }))).to.equal(
      `cannot read ${path}: it ends at byte 12 and had ${size} bytes when it was opened`);
  });

  it("says why a file cannot be written", async () => {
    const missing = join(folder, "no", "model.safetensors");
    expect(await messageOf(saveSafetensors(missing, tensors(1))))
      .to.match(/^cannot save .*model.safetensors: no such file or folder\n/);
    expect(await messageOf(saveSafetensors(folder, tensors(1)))).to.match(/^cannot save /);
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it("a full disk is reported with path and size; the earlier file stays and the partial one goes", async () => {
    await saveSafetensors(path, tensors(1));
    for (const full of ["write", "sync", "close"] as const) {
      const files: FileLayer = {
        ...nodeFiles,
        async create(name) {
          const file = await nodeFiles.create(name);
          let calls = 0;
          return {
            ...file,
            async [full](bytes: Uint8Array) {
              if (full === "write" && ++calls < 2) return file.write(bytes.subarray(0, 10));
              if (full === "close") await file.close();
              throw failure("ENOSPC");
            },
          };
        },
      };
      expect(await messageOf(saveSafetensors(path, tensors(2), {}, { files })), full).to.equal([
        `cannot save ${path}: the disk is full`,
        `  needed   ${encoded(2).length} bytes`,
        "  kept     an earlier file of this name is untouched",
      ].join("\n"));
      expect(readFileSync(path).equals(encoded(1)), full).to.equal(true);
      expect(readdirSync(folder), full).to.deep.equal(["model.safetensors"]);
    }
  });

  it("a partial file that cannot be removed is named, and a folder that cannot be flushed is told apart", async () => {
    const stuck: FileLayer = {
      ...nodeFiles,
      rename: async () => { throw failure("EACCES"); },
      remove: async () => { throw failure("EACCES"); },
    };
    expect(await messageOf(saveSafetensors(path, tensors(1), {}, { files: stuck }))).to.match(
      /permission denied\n(.*\n)*  left {5}.*model.safetensors\.\d+-\d+\.partial could not be removed$/);
    const unsynced: FileLayer = { ...nodeFiles, syncFolderOf: async () => { throw failure("EIO"); } };
    expect(await messageOf(saveSafetensors(path, tensors(5), {}, { files: unsynced }))).to.equal(
      `${path} is written, but not safe against a power cut yet: EIO: injected`);
    expect(readFileSync(path).equals(encoded(5))).to.equal(true);
  });

  it("writes that take only some of their bytes are continued, and one that takes none is an error", async () => {
    const slow = (most: number): FileLayer => ({
      ...nodeFiles,
      async create(name) {
        const file = await nodeFiles.create(name);
        return { ...file, write: async (bytes) => (most === 0 ? 0 : file.write(bytes.subarray(0, most))) };
      },
    });
    await saveSafetensors(path, tensors(3), {}, { files: slow(5) });
    expect(readFileSync(path).equals(encoded(3))).to.equal(true);
    expect(await messageOf(saveSafetensors(path, tensors(4), {}, { files: slow(0) })))
      .to.match(/: the file takes no more bytes\n/);
    expect(readFileSync(path).equals(encoded(3))).to.equal(true);
  });

  it("where there is no file system, saving and loading say so", async () => {
    const message = "there is no file system here\n  use parseSafetensors and encodeSafetensors on bytes";
    expect(await messageOf(saveSafetensors(path, tensors(1), {}, { files: browserFiles }))).to.equal(message);
    expect(await messageOf(loadSafetensors(path, { files: browserFiles }))).to.equal(message);
  });
});

/**
 * A disk in memory that loses power at a chosen operation. What was not flushed may be lost: contents without `sync` are
 * cut in half, and renames without `syncFolderOf` happened or did not, as `renamesKept` says.
 */
class FailingDisk implements FileLayer {
  private operations = 0;
  private readonly contents = new Map<string, { bytes: Buffer; synced: boolean }>();
  private names = new Map<string, string>();
  private durableNames = new Map<string, string>();

  constructor(path: string, old: Buffer, private readonly dieAt: number, private readonly renamesKept: boolean) {
    this.contents.set("old", { bytes: old, synced: true });
    this.names.set(path, "old");
    this.durableNames.set(path, "old");
  }

  private operation(): void {
    if (++this.operations >= this.dieAt) throw new Error("the power is off");
  }

  temporaryName(path: string): string {
    return `${path}.partial`;
  }

  async create(path: string) {
    this.operation();
    this.contents.set("new", { bytes: Buffer.alloc(0), synced: false });
    this.names.set(path, "new");
    return this.append();
  }

  async append() {
    const file = this.contents.get("new")!;
    return {
      write: async (bytes: Uint8Array) => {
        this.operation();
        file.bytes = Buffer.concat([file.bytes, bytes]);
        file.synced = false;
        return bytes.length;
      },
      sync: async () => {
        this.operation();
        file.synced = true;
      },
      close: async () => this.operation(),
    };
  }

  async open(): Promise<never> {
    throw new Error("nothing is read");
  }

  async rename(from: string, to: string) {
    this.operation();
    this.names.set(to, this.names.get(from)!);
    this.names.delete(from);
  }

  async remove(path: string) {
    this.operation();
    this.names.delete(path);
  }

  async syncFolderOf() {
    this.operation();
    this.durableNames = new Map(this.names);
  }

  /** What the path holds after the power is back. */
  afterwards(path: string): Buffer {
    const file = this.contents.get((this.renamesKept ? this.names : this.durableNames).get(path)!)!;
    return file.synced ? file.bytes : file.bytes.subarray(0, file.bytes.length >> 1);
  }
}

describe("a power cut while saving", () => {
  const path = "model.safetensors";
  const stages = 6;  // create, write, sync, close, rename, folder

  it("leaves the earlier file or the new one, whole, wherever it strikes", async () => {
    for (let dieAt = 1; dieAt <= stages; dieAt++) {
      for (const renamesKept of [true, false]) {
        const disk = new FailingDisk(path, encoded(1), dieAt, renamesKept);
        await messageOf(saveSafetensors(path, tensors(2), {}, { files: disk }));
        const isNew = renamesKept && dieAt === stages;  // the rename was done
        expect(disk.afterwards(path).equals(encoded(isNew ? 2 : 1)), `operation ${dieAt}, ${renamesKept}`).to.equal(true);
      }
    }
  });

  it("after a save that returned, finds the new file even if the power fails at once", async () => {
    for (const renamesKept of [true, false]) {
      const disk = new FailingDisk(path, encoded(1), stages + 1, renamesKept);
      await saveSafetensors(path, tensors(2), {}, { files: disk });
      expect(disk.afterwards(path).equals(encoded(2))).to.equal(true);
    }
  });
});
