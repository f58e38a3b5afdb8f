/**
 * A disk below a run that fails at a chosen operation, by an error or by a power cut, and tells what is on it afterwards. The
 * folder on the real disk follows it, so that the run reads what it wrote.
 */
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { FileLayer, FileWriter } from "@fromnoise/nn";

interface Inode {
  bytes: Buffer;
  /** So many of them are on the disk for good. */
  durable: number;
}

/** What a power cut leaves of what was not flushed: all of it; half of each file's rest; neither contents nor names. */
export const LEFT = ["kept", "torn", "lost"] as const;
export type Left = (typeof LEFT)[number];

export class SimulatedDisk implements FileLayer {
  /** Operations so far. */
  operations = 0;
  private made = 0;
  private names = new Map<string, Inode>();
  private durableNames = new Map<string, Inode>();

  /**
   * Operation `failsAt` (from 1) fails, and with a power cut all later ones. A full disk takes half of a write's bytes before it
   * fails.
   */
  constructor(private readonly failsAt = Infinity, private readonly how: "error" | "power cut" = "error") {}

  private operation(): void {
    const n = ++this.operations;
    if (n === this.failsAt || (this.how === "power cut" && n > this.failsAt)) {
      throw Object.assign(new Error("ENOSPC: simulated"), { code: "ENOSPC" });
    }
  }

  temporaryName(path: string): string {
    return `${path}.1-${++this.made}.partial`;
  }

  async create(path: string): Promise<FileWriter> {
    this.operation();
    writeFileSync(path, "");
    this.names.set(path, { bytes: Buffer.alloc(0), durable: 0 });
    return this.writer(path);
  }

  async append(path: string): Promise<FileWriter> {
    this.operation();
    if (!this.names.has(path)) this.names.set(path, { bytes: Buffer.alloc(0), durable: 0 });
    return this.writer(path);
  }

  private writer(path: string): FileWriter {
    const inode = this.names.get(path)!;
    const add = (bytes: Uint8Array): void => {
      inode.bytes = Buffer.concat([inode.bytes, bytes]);
      appendFileSync(path, bytes);
    };
    return {
      write: async (bytes) => {
        try {
          this.operation();
        } catch (error) {
          add(bytes.subarray(0, bytes.length >> 1));
          throw error;
        }
        add(bytes);
        return bytes.length;
      },
      sync: async () => {
        this.operation();
        inode.durable = inode.bytes.length;
      },
      close: async () => this.operation(),
    };
  }

  async open(): Promise<never> {
    throw new Error("runs read by themselves");
  }

  async rename(from: string, to: string): Promise<void> {
    this.operation();
    renameSync(from, to);
    this.names.set(to, this.names.get(from)!);
    this.names.delete(from);
  }

  async remove(path: string): Promise<void> {
    this.operation();
    rmSync(path);
    this.names.delete(path);
  }

  async syncFolderOf(): Promise<void> {
    this.operation();
    this.durableNames = new Map(this.names);
  }

  /** Writes into a new folder what the power cut left. */
  afterwards(folder: string, left: Left): void {
    mkdirSync(folder);
    for (const [path, { bytes, durable }] of left === "lost" ? this.durableNames : this.names) {
      const end = left === "kept" ? bytes.length : left === "lost" ? durable : durable + ((bytes.length - durable) >> 1);
      writeFileSync(join(folder, basename(path)), bytes.subarray(0, end));
    }
  }
}
