/**
 * Writes the tables of exchange.md from the code's own, between the page's markers:
 *
 *     node --import tsx --conditions fromnoise-source docs/make-exchange.ts
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { otherSchedulers, schedulerForms } from "../packages/diffusion/src/models/formats/diffusers-schedulers.js";
import { fields } from "../packages/nn/src/networks/unet/config-fields.js";

/** The page with its tables as they should be. Throws where it has no markers for one. */
export function withExchangeTables(page: string): string {
  const rows = Object.entries(schedulerForms).map(([name, { process, clips, thresholds, rescales, eps, variance, betas, only = {} }]) => [
    code(name), process === "steps" ? `steps${rescales === true ? ", rescaled where it says" : ""}${betas === undefined ? "" : `, betas from ${betas.join(" to ")} unless it says`}` : process,
    clips === undefined ? "no" : `\`clip_sample\`, ${String(clips)} unless it says${eps === undefined ? "" : "; the network's eps is kept"}`,
    thresholds === true ? "`thresholding`" : "no", variance === true ? "`variance_type`" : "fixed-small",
    Object.entries(only).map(([field, value]) => `\`${field}\` ${JSON.stringify(value)}`).join(", "),
  ]);
  const read = table(["class", "process", "clipping", "dynamic thresholding", "variance", "only with"], rows);
  const refused = table(["class", "why it is refused"], Object.entries(otherSchedulers).map(([name, why]) => [code(name), why]));
  const unet = table(["field", "allowed", "unless it says"], Object.entries(fields).map(
    ([name, { kind, value }]) => [code(name), kind.allowed, code(JSON.stringify(value))],
  ));
  return between(between(between(page, "schedulers", read), "refused schedulers", refused), "unet", unet);
}

function between(page: string, name: string, contents: string): string {
  const markers = new RegExp(`(<!-- ${name}: written by docs/make-exchange.ts -->\n)[\\s\\S]*?(<!-- end of ${name} -->)`);
  if (!markers.test(page)) throw new Error(`the page has no markers for ${name}`);
  return page.replace(markers, (_, start, end) => `${start}${contents}\n${end}`);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function code(text: string): string {
  return `\`${text}\``;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = fileURLToPath(new URL("exchange.md", import.meta.url));
  writeFileSync(path, withExchangeTables(readFileSync(path, "utf8")));
}
