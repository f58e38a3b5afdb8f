/**
 * Builds the site: API pages, then VitePress's pages. Started by main.mjs, which installs the packages that this
 * file imports.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { ConfigError } from "@fromnoise/tensor";
import { build } from "vitepress";
import { writeApiPages } from "./api-pages.js";
import { site } from "./markdown/pages.js";
import { serveFiles } from "./serve.js";

/** Builds into `out` for a host that serves it under `base`. */
export async function buildSite(base: string, out: string): Promise<void> {
  if (!/^\/(?:.*\/)?$/.test(base)) throw new ConfigError(`--base: ${JSON.stringify(base)} is not allowed`, ["allowed  paths that begin and end with a slash, such as / or /x/"]);
  const started = performance.now();
  const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(0)} s`;
  await writeApiPages();
  console.log(`API pages written (${seconds()})`);
  await build(site, { base, outDir: out });
  console.log(`built in ${seconds()}: ${out}`);
}

/** `build [--base /x/] [--out DIR]` or `serve [--port N]`, which builds and serves. */
export async function run(words: readonly string[]): Promise<void> {
  const [command, ...rest] = words;
  const { values } = parseArgs({ args: rest, options: { base: { type: "string" }, out: { type: "string" }, port: { type: "string" } } });
  const base = values.base ?? "/", out = resolve(values.out ?? `${site}dist`), port = values.port ?? process.env["PORT"] ?? "8080";
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new ConfigError(`--port: ${JSON.stringify(port)} is not allowed`, ["allowed  whole numbers from 0 to 65535"]);
  await buildSite(base, out);
  if (command !== "serve") return;
  const { url } = await serveFiles(out, base, Number(port));
  console.log(`${url}   (stop with Ctrl-C)`);
}
