/** What is right: the results of the reference device in f64. Those of training steps take minutes and are kept in a file. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { array, number, record, string } from "valibot";
import { openDevice } from "@fromnoise/tensor";
import type { BenchCase, ModelShape } from "./bench.js";
import { benchOf } from "./cases.js";
import { readChecked } from "./checked-json.js";
import { distinctShape } from "./model-benches.js";

const file = fileURLToPath(new URL("../reference.json", import.meta.url));

/** Key of a training step to [loss, norm of the gradient] of its first steps. */
type Kept = Record<string, number[]>;

const isKept = ({ bench }: BenchCase): boolean => bench.endsWith("train-step");

function keyOf(c: BenchCase): string {
  const { batch, config, steps } = distinctShape(c.shape as ModelShape);
  return JSON.stringify({ ...config, batch, steps });
}

const readKept = (): Kept => readChecked(file, "results by case", record(string(), array(number())));

/** The results of a case in f64, as its workload's `results` gives them; a model's for the images that differ. */
async function compute({ bench, shape }: BenchCase): Promise<Float64Array[]> {
  const device = await openDevice("reference");
  const { model, open } = benchOf(bench);
  const workload = open(model ? distinctShape(shape as ModelShape) : shape, device, "f64");
  const results = await workload.results();
  workload.dispose();
  await device.dispose();
  return results;
}

/** The right results of a case: kept ones where there are, else computed, once for all batches of a model. */
export async function referenceResults(c: BenchCase): Promise<Float64Array[]> {
  const kept = isKept(c) ? readKept()[keyOf(c)] : undefined;
  if (kept !== undefined) return kept.map((value) => Float64Array.of(value));
  if (!benchOf(c.bench).model) return compute(c);
  const key = `${c.bench} ${keyOf(c)}`;
  const results = computed.get(key) ?? await compute(c);
  computed.set(key, results);
  return results;
}
const computed = new Map<string, Float64Array[]>();

/** Brings the committed file up to date: computes what it lacks of these cases, drops what none of them needs. */
export async function keepReferences(cases: readonly BenchCase[], progress: (c: BenchCase) => void): Promise<void> {
  const old = readKept(), kept: Kept = {};
  for (const c of cases.filter(isKept)) {
    const key = keyOf(c);
    if (old[key] === undefined && kept[key] === undefined) progress(c);
    kept[key] ??= old[key] ?? (await compute(c)).map(([value]) => value);
    writeFileSync(file, `${JSON.stringify({ ...old, ...kept }, undefined, 1)}\n`);
  }
  writeFileSync(file, `${JSON.stringify(kept, undefined, 1)}\n`);
}
