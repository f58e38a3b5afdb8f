import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "@fromnoise/tensor";
import { expect } from "chai";
import { lockRun } from "../../src/train/node/run-lock.js";
import { temporaryFolder } from "./fixtures.js";

const folder = temporaryFolder();
let made = 0;
const newPath = (): string => {
  const inside = join(folder, String(++made));
  mkdirSync(inside);
  return join(inside, "run.lock");
};
interface Owner { pid: number; started: string; boot: string; host: string; space: string }

/** A lock as this process writes it, with other fields. */
function ownedBy(changes: Partial<Owner>): string {
  const path = newPath();
  const lock = lockRun(path);
  const owner = { ...JSON.parse(readFileSync(path, "utf8")) as Owner, ...changes };
  lock.release();
  writeFileSync(path, JSON.stringify(owner));
  return path;
}

function takenOver(path: string): void {
  const lock = lockRun(path);
  expect((JSON.parse(readFileSync(path, "utf8")) as Owner).pid).to.equal(process.pid);
  lock.release();
  expect(existsSync(path)).to.equal(false);
}

describe("the lock of a run's folder", () => {
  it("is one owner's until released, and names it", () => {
    const path = newPath();
    const lock = lockRun(path);
    expect(() => lockRun(path)).to.throw(ConfigError, `this run is in use by process ${process.pid} on `);
    lock.release();
    takenOver(path);
  });

  it("is taken over where the owner has ended: no such process, another one of its number, or another boot", () => {
    takenOver(ownedBy({ pid: 2 ** 22 + 5 }));
    if (!existsSync("/proc/self/stat")) return console.log("      the rest asks /proc, which this platform does not have");
    takenOver(ownedBy({ started: "1" }));
    takenOver(ownedBy({ boot: "another" }));
    takenOver(ownedBy({ pid: 1, started: "7" }));
  });

  it("of another machine or container counts while it was touched in the last quarter of an hour", () => {
    for (const foreign of [{ host: "elsewhere" }, { space: "pid:[1]" }]) {
      const path = ownedBy(foreign);
      expect(() => lockRun(path)).to.throw(ConfigError, "this run is in use by process");
      const old = new Date(Date.now() - 1000e3);
      utimesSync(path, old, old);
      takenOver(path);
    }
  });

  it("without a readable owner counts as being written for ten seconds", () => {
    for (const text of ["", "{", "[]", '{"pid": -4}', '{"pid": 1}']) {
      const path = newPath();
      writeFileSync(path, text);
      expect(() => lockRun(path)).to.throw(ConfigError, "another program, which has just begun");
      const old = new Date(Date.now() - 20e3);
      utimesSync(path, old, old);
      takenOver(path);
    }
  });

  it("says why it cannot be made", () => {
    expect(() => lockRun(join(folder, "none", "run.lock"))).to.throw(ConfigError, "run.lock\n  reason   no such file or folder");
  });
});
