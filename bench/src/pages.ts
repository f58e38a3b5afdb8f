/** The pages that contenders in Chromium work in, each built at most once a run, into a folder that goes with the process. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromiumProgram } from "./chromium.js";
import { assertInstalled } from "./installed.js";

/** A folder of `page/`: our devices, a peer, or our devices and tfjs side by side. */
export type PageName = "device" | "tfjs" | "jax" | "side-by-side";

const built = new Map<PageName, Promise<string>>();

/** The folder of a page, built. Rejects with a ConfigError where Chromium is not there or the peer is not installed. */
export function builtPage(name: PageName): Promise<string> {
  const page = built.get(name) ?? build(name);
  built.set(name, page);
  return page;
}

async function build(name: PageName): Promise<string> {
  if (name !== "side-by-side") chromiumProgram(); // that page is for other browsers, too
  if (name !== "device") assertInstalled(name === "side-by-side" ? "tfjs" : name);
  const folder = mkdtempSync(join(tmpdir(), "fromnoise-bench-page-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const { buildPage } = await import("./page-server.js");
  await buildPage(fileURLToPath(new URL(`page/${name}`, import.meta.url)), folder);
  return folder;
}
