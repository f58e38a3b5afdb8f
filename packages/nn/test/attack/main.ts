/**
 * Attacks the reader of PyTorch's files: every attack by hand, then mutants of sound files.
 *   node --expose-gc --import tsx -C fromnoise-source packages/nn/test/attack/main.ts [count] [seed]
 * Prints what came of it, and the most memory that the process took above what it began with.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mutants } from "./mutate.js";
import { attacks } from "./pickles.js";
import { MOST_MEGABYTES, withstand } from "./withstand.js";

const [count = 2000, seed = 1] = process.argv.slice(2).map(Number);
const folder = new URL("../golden/torch/", import.meta.url);
const sound = Object.fromEntries(readdirSync(folder).filter((name) => name.endsWith(".pt")).map((name) => [name, new Uint8Array(readFileSync(new URL(name, folder)))]));

/** Forgets the most memory so far; where the system has no such thing memory is not measured. */
function forgetPeak(): boolean {
  globalThis.gc?.();
  try {
    writeFileSync("/proc/self/clear_refs", "5");
    return true;
  } catch {
    return false;
  }
}

/** A field of /proc/self/status in MB: VmHWM, the most memory so far, or VmRSS. */
function memory(field: string): number {
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024;
}

const most = { memory: 0, heaviest: "", milliseconds: 0, slowest: "" };
const measured = forgetPeak() && globalThis.gc !== undefined;
async function attack(name: string, bytes: Uint8Array, heavy: boolean): Promise<string | undefined> {
  const before = heavy && measured && forgetPeak() ? memory("VmRSS") : NaN;
  const { refusal, milliseconds } = await withstand(name, bytes);
  if (milliseconds > most.milliseconds) [most.milliseconds, most.slowest] = [milliseconds, name];
  const taken = measured ? memory("VmHWM") - before : NaN;
  if (taken > most.memory) [most.memory, most.heaviest] = [taken, name];
  if (taken > MOST_MEGABYTES) throw new Error(`${name}: takes ${Math.round(taken)} MB above the file`);
  return refusal;
}

let byHand = 0;
for (const { name, bytes, says } of attacks()) {
  const refusal = await attack(name, bytes, true);
  if (says !== undefined && !says.test(refusal ?? "")) throw new Error(`${name}: ${refusal ?? "was opened"}`);
  byHand++;
}
let refused = 0;
for (const { name, bytes } of mutants(sound, count, seed)) if ((await attack(name, bytes, false)) !== undefined) refused++;
console.log(`${byHand} attacks by hand: all as they should be`);
console.log(`${count} mutants of ${Object.keys(sound).length} files, seed ${seed}: ${refused} refused, ${count - refused} opened`);
console.log(`slowest  ${Math.round(most.milliseconds)} ms: ${most.slowest}`);
console.log(measured ? `memory   at most ${Math.round(most.memory)} MB above the file: ${most.heaviest}` : "memory   not measured: it needs Linux, and --expose-gc");
