/**
 * Builds the site: API pages, then VitePress's pages. Started by main.mjs, which installs the packages that this
 * file imports.
 */
import { resolve } from "node:path";
import { build } from "vitepress";
import { writeApiPages } from "./api-pages.js";
import { site } from "./markdown/pages.js";
import { serveFiles } from "./serve.js";

/** Builds into `out` for a host that serves it under `base`. */
export async function buildSite(base: string, out: string): Promise<void> {
  if (!/^\/(?:.*\/)?$/.test(base)) throw new Error(`--base ${base}: it begins and ends with a slash, as / or /x/ do`);
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
  const value = (flag: string, otherwise: string): string => {
    const at = rest.indexOf(flag);
    return at < 0 ? otherwise : rest[at + 1] ?? otherwise;
  };
  const base = value("--base", "/"), out = resolve(value("--out", `${site}dist`));
  await buildSite(base, out);
  if (command !== "serve") return;
  const { url } = await serveFiles(out, base, Number(value("--port", process.env["PORT"] ?? "8080")));
  console.log(`${url}   (stop with Ctrl-C)`);
}
