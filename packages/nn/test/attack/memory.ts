/** The most memory that something takes, where the system tells: Linux, by /proc. */
import { readFileSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Megabytes above what there was before, at their highest; undefined where that cannot be told. */
export async function mostMegabytes(run: () => Promise<unknown>): Promise<number | undefined> {
  collect();
  try {
    writeFileSync("/proc/self/clear_refs", "5");                               // forgets the highest so far
  } catch {
    await run();
    return undefined;
  }
  const before = field("VmRSS");
  await run();
  return field("VmHWM") - before;
}

/** A field of /proc/self/status in megabytes. */
function field(name: string): number {
  return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024;
}
