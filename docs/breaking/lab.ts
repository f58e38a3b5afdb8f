/**
 * The breaking lab: trains what it needs, breaks it in every way of faults.ts, has the doctor look at each, and writes what it says into
 * results.json, pictures and the tables of docs/breaking.md:
 *
 *     npm run break [-- --device wasm NAME ...]
 *
 * Trainings are kept in runs/breaking and what was said in results.json, so that a lab that was stopped goes on where it was; without the
 * two files it does all of it. Faults that are named are looked at again.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openDevice, type Device } from "@fromnoise/tensor";
import { diagnose, encodePng, grid, sampleImages, type Diagnosis, type DoctorMemory, type GivenSamples } from "@fromnoise/diffusion/node";
import { listed, others, soundly, type Fault, type Handed } from "./faults.js";
import { readChecked } from "../../bench/src/checked-json.js";
import { resultsSchema, withTables, type Looked, type Results } from "./page.js";
import { finish, runsAt, scale, type Scale } from "./runs.js";

const docs = fileURLToPath(new URL("..", import.meta.url));

/** Where trainings are kept. */
const FOLDER = "runs/breaking";

/** What the lab may be told: for tests a smaller scale, and nothing but some faults. */
export interface LabOptions {
  readonly device: Device;
  readonly scale: Scale;
  /** Where trainings are kept. */
  readonly folder: string;
  readonly names?: readonly string[] | undefined;
  /** Samples that the doctor draws; default its own number. */
  readonly count?: number;
  readonly onResult?: (looked: Looked, samples: GivenSamples) => void | Promise<void>;
}

/** Sound runs of the lab, by name. */
export const SOUND = ["v", "eps", "faces"] as const;

/** Looks at the faults and sound runs that are named, all unless given. */
export async function runLab({ device, scale: at, folder, names, count, onResult }: LabOptions): Promise<void> {
  const runs = runsAt(at);
  const faults = [...listed, ...others].filter(({ name }) => names === undefined || names.includes(name));
  const wanted = new Set([...faults.map(({ run }) => run), ...SOUND.filter((name) => names === undefined || names.includes(name))]);
  for (const run of runs.filter(({ name }) => wanted.has(name))) {
    const show = ({ step, loss }: { step: number; loss: number }): void => void (step % 100 === 0 && console.error(`${run.name} ${step}/${at.steps}  loss ${loss.toFixed(4)}`));
    const finished = await finish(device, run, at, folder, show);
    const memory: DoctorMemory = new WeakMap();
    const examine = async (name: string, handed: Handed): Promise<void> => onResult?.(...look(name, run.name, await diagnose({ ...handed, device, memory, count })));
    if ((SOUND as readonly string[]).includes(run.name) && (names === undefined || names.includes(run.name))) await examine(run.name, soundly(finished));
    for (const fault of faults.filter((one) => one.run === run.name)) await examine(fault.name, await fault.hand(finished));
    for (const network of [finished.raw, ...finished.averages]) for (const p of network.parameters) p.dispose();
  }
}

function look(name: string, run: string, { figures, findings, samples }: Diagnosis): [Looked, GivenSamples] {
  return [{ name, run, figures: Object.fromEntries(figures.map(({ what, found }) => [what, found])), findings }, samples];
}

/** The first ten samples as a batch. */
function firstTen({ images: { shape, data } }: GivenSamples): { shape: number[]; data: number[] } {
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  return { shape: [10, ...shape.slice(1)], data: Array.from(data.slice(0, 10 * size)) };
}

async function main(names: readonly string[], spec: string): Promise<void> {
  const path = join(docs, "breaking", "results.json"), page = join(docs, "breaking.md"), pictures = join(docs, "images");
  const results: Results = existsSync(path) ? readChecked(path, "what the lab has found", resultsSchema) : {};
  const drawn = new Map<string, ReturnType<typeof firstTen>>();
  const device = await openDevice(spec, { revectorize: "auto" });
  try {
    await runLab({
      device, scale, folder: FOLDER, names: names.length > 0 ? names : [...SOUND, ...[...listed, ...others].map(({ name }) => name)].filter((name) => !(name in results)),
      async onResult(looked, samples) {
        results[looked.name] = looked;
        drawn.set(looked.name, firstTen(samples));
        const fault = [...listed, ...others].find(({ name }) => name === looked.name);
        if (fault !== undefined && !drawn.has(fault.sound)) drawn.set(fault.sound, await soundSamples(device, fault.sound));
        if (fault !== undefined) writeFileSync(join(pictures, `breaking-${fault.name}.png`), encodePng(picture(fault, drawn)));
        writeFileSync(path, `${JSON.stringify(results, null, 1)}\n`);
        if (existsSync(page)) writeFileSync(page, withTables(readFileSync(page, "utf8"), results));
        const roots = looked.findings.filter(({ because }) => because === undefined).map(({ name, found }) => `${name} (${found})`);
        console.log(`${new Date().toISOString().slice(11, 19)} ${looked.name}: ${roots.length === 0 ? "nothing found" : roots.join("; ")}`);
      },
    });
  } finally {
    await device.dispose();
  }
}

/** The first ten samples of a sound run, as the doctor draws them. */
async function soundSamples(device: Device, name: string): Promise<ReturnType<typeof firstTen>> {
  const finished = await finish(device, runsAt(scale).find((run) => run.name === name)!, scale, FOLDER, () => undefined);
  const { model, sampler, options } = soundly(finished);
  const { images } = await sampleImages({ model, device, count: 10, sampler: sampler!, options: options! });
  return firstTen({ images });
}

/** Ten samples of the sound run above the same ten of the broken one. */
function picture({ name, sound }: Fault, drawn: ReadonlyMap<string, ReturnType<typeof firstTen>>): ReturnType<typeof grid> {
  const above = drawn.get(sound)!, below = drawn.get(name)!;
  const finite = below.data.map((v) => (Number.isFinite(v) ? v : 0));
  return grid({ shape: [20, ...above.shape.slice(1)], data: [...above.data, ...finite] }, { columns: 10, scale: 3, background: 0 });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({ options: { device: { type: "string", default: "wasm" } }, allowPositionals: true });
  await main(positionals, values.device);
}
