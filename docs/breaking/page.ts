/** The tables of docs/breaking.md, from results.json. */
import { array, exactOptional, object, picklist, record, string, type GenericSchema } from "valibot";
import type { Diagnosis } from "@fromnoise/diffusion";
import { listed, others, type Fault } from "./faults.js";

/** What the doctor said of one run or fault. */
export interface Looked {
  readonly name: string;
  readonly run: string;
  /** What was measured, by what it is called. */
  readonly figures: Readonly<Record<string, string>>;
  readonly findings: Diagnosis["findings"];
}

/** By name of the run or fault. */
export type Results = Record<string, Looked>;

/** results.json. */
export const resultsSchema: GenericSchema<unknown, Results> = record(string(), object({
  name: string(), run: string(), figures: record(string(), string()),
  findings: array(object({
    examination: string(), name: string(), severity: picklist(["fault", "warning"]), what: string(), found: string(), usual: string(), change: string(),
    because: exactOptional(string()),
  })),
}));

/** Whether the doctor found what is wrong, and whether what it saw of model and samples alone, without the sampler, was enough. */
export function verdict({ found }: Fault, { findings }: Looked): { found: boolean; withoutSampler: boolean } {
  const alone = findings.filter(({ examination }) => examination !== "sampler" && examination !== "chain");
  return { found: findings.some(({ name }) => found.includes(name)), withoutSampler: alone.length > 0 };
}

/** The page with its tables as the results have them. Throws where it has no markers for one. */
export function withTables(page: string, results: Results): string {
  return between(between(between(page, "listed", faultTable(listed, results)), "others", faultTable(others, results)), "sound", soundTable(results));
}

function faultTable(faults: readonly Fault[], results: Results): string {
  const done = faults.filter(({ name }) => name in results);
  const rows = done.map((fault) => {
    const looked = results[fault.name], sound = results[fault.sound];
    const { found, withoutSampler } = verdict(fault, looked);
    const roots = looked.findings.filter(({ because }) => because === undefined);
    return [
      fault.what, fault.failure, `${fault.number}: ${looked.figures[fault.number] ?? "none"}, sound ${sound?.figures[fault.number] ?? "none"}`,
      `${found ? "**found**" : "missed"}: ${roots.map(({ name, found: figure }) => `\`${name}\` ${figure}`).join("; ")}`, withoutSampler ? "yes" : "no",
      `[picture](images/breaking-${fault.name}.png)`,
    ];
  });
  const count = done.filter((fault) => verdict(fault, results[fault.name]).found).length;
  return `${table(["what is wrong", "what is seen", "in a number", "the doctor, causes first", "also without the sampler", "sound above, broken below"], rows)}\n\nFound: ${count} of ${done.length}.`;
}

function soundTable(results: Results): string {
  const rows = ["v", "eps", "faces"].filter((name) => name in results).map((name) => [
    `\`${name}\``, results[name].findings.length === 0 ? "nothing found" : results[name].findings.map((f) => `\`${f.name}\` ${f.found}`).join("; "),
    ...["error spared against a guess from mean and variance", "loss that 24 small steps of training take away", "brightness of samples"].map((what) => results[name].figures[what] ?? ""),
  ]);
  return table(["sound run", "the doctor", "error spared", "loss that small steps take away", "brightness of samples"], rows);
}

function between(page: string, name: string, contents: string): string {
  const markers = new RegExp(`(<!-- ${name}: written by npm run break -->\n)[\\s\\S]*?(<!-- end of ${name} -->)`);
  if (!markers.test(page)) throw new Error(`the page has no markers for ${name}`);
  return page.replace(markers, (_, start, end) => `${start}${contents}\n${end}`);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
