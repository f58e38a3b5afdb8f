/** Whether the network hears the time, and whether it is the time that it was trained with. */
import type { Process } from "../process/process.js";
import type { NoiseLevel } from "../process/level.js";
import { errorsOf, inOwnUnits, outputOf, x0In } from "./ask.js";
import { percent, Report, shortNumber } from "./finding.js";
import { imagesOf, levelsAcross, noiseFor, type Patient } from "./patient.js";
import { meanOf } from "./statistics.js";

/** Another time that a network may have been told of a level in training. */
interface Telling { readonly what: string; time(at: NoiseLevel, k: number, levels: readonly NoiseLevel[], process: Process): number | undefined }

const tellings: readonly Telling[] = [
  { what: "the time of a level a tenth of the process noisier", time: (_, k, levels) => levels[k + 1]?.time },
  { what: "the time of a level a tenth of the process less noisy", time: (_, k, levels) => levels[k - 1]?.time },
  { what: "times in the opposite order", time: (_, k, levels) => levels[levels.length - 1 - k].time },
  { what: "a thousandth of the time", time: ({ time }) => time / 1000 },
  { what: "a thousand times the time", time: ({ time }) => time * 1000 },
  { what: "the number of the step", time: ({ index }) => index },
  { what: "1000 t / T", time: ({ index }, _k, _levels, { levels }) => (index === undefined ? undefined : (index * 1000) / levels!.length) },
  { what: "t / T, from 0 to 1", time: ({ index }, _k, _levels, { levels }) => (index === undefined ? undefined : index / levels!.length) },
  { what: "T - 1 - t", time: ({ index }, _k, _levels, { levels }) => (index === undefined ? undefined : levels!.length - 1 - index) },
  { what: "u, from 0 to 1", time: ({ u }) => u },
  { what: "1000 u", time: ({ u }) => (u === undefined ? undefined : 1000 * u) },
  { what: "ln(sigma / alpha) / 4", time: ({ alpha, sigma }) => (alpha > 0 ? Math.log(sigma / alpha) / 4 : undefined) },
];

const IMAGES = 16, LEVELS = 8;

export async function examineTime(patient: Patient): Promise<Report> {
  const report = new Report();
  const { model: { network, process, prediction }, heldOut, seed } = patient;
  const images = imagesOf(heldOut, IMAGES);
  const levels = levelsAcross(process, LEVELS);
  if (levels.length < 3) return report;                                        // too few to tell times apart
  const eps = levels.map((_, k) => noiseFor(images, seed, 100 + k));
  const outputs = async (time: (at: NoiseLevel, k: number) => number): Promise<Float64Array[]> => {
    const all: Float64Array[] = [];
    for (const [k, at] of levels.entries()) all.push(await outputOf(patient, network, { images, eps: eps[k], at }, { time: time(at, k) }));
    return all;
  };
  const errors = (said: readonly Float64Array[]): number[] =>
    levels.map((at, k) => inOwnUnits(at, prediction) * meanOf(errorsOf(x0In(said[k], { images, eps: eps[k], at }, prediction), images)));
  const own = await outputs(({ time }) => time), ownErrors = errors(own);
  const tried: { what: string; ratio: number }[] = [];
  let change = 0;
  for (const { what, time } of tellings) {
    const told = levels.map((at, k) => time(at, k, levels, process));
    const kept = levels.map((_, k) => k).filter((k) => told[k] !== undefined);
    if (kept.length === 0 || kept.every((k) => told[k] === levels[k].time)) continue;
    const said = await outputs((at, k) => told[k] ?? at.time), found = errors(said);
    const sum = (values: readonly number[]): number => kept.reduce((total, k) => total + values[k], 0);
    tried.push({ what, ratio: sum(found) / sum(ownErrors) });
    for (const k of kept) change = Math.max(change, relativeChange(own[k], said[k]));
  }
  report.add({ what: "change of the output with the time alone", found: percent(change), usual: "10 % and more" }, change < DEAF && {
    name: "no-time", severity: "fault",
    change: "The network is not told the time, or does not use it: pass t, embed it, and add the embedding in every block (sizes of time fit the embedding's frequencies: 0 .. 1000).",
  });
  const best = tried.reduce((a, b) => (b.ratio < a.ratio ? b : a));
  report.add({ what: "error when told another time, against its own", found: `${shortNumber(best.ratio)} times, told ${best.what}`, usual: "more than 1 time, whatever else it is told" }, change >= DEAF && best.ratio < OTHER && {
    name: "other-time", severity: "fault",
    change: `The network answers better when told ${best.what}: sampling and training do not tell it the same time, or not of the same schedule.`,
  });
  return report;
}

const DEAF = 0.01, OTHER = 0.85;

/** |a - b| / |a|, 0 of two that are the same. */
export function relativeChange(a: Float64Array, b: Float64Array): number {
  const difference = meanOf(a.map((v, i) => (v - b[i]) ** 2));
  return difference === 0 ? 0 : Math.sqrt(difference / meanOf(a.map((v) => v * v)));
}
