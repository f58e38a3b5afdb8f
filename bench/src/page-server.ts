/** Builds a page on the packages' sources with Vite, and serves it by Vite's preview server: what measures or checks in a browser. */
import { build, preview } from "vite";

/** A plain Vite build of the folder `root` into `outDir`; all paths in it are relative. */
export async function buildPage(root: string, outDir: string): Promise<void> {
  await build({
    root, base: "./", configFile: false, logLevel: "error",
    resolve: { conditions: ["fromnoise-source", "module", "browser", "import", "default"] },
    worker: { format: "es" },
    build: { outDir, emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 4000 },
  });
}

/** The headers that isolate a page from other origins, as SharedArrayBuffer and with it threads need. */
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/**
 * Serves a built folder and what is written into it later, isolated unless told otherwise. Port 0 is a free one. What is not there is
 * answered by 404, not by the page.
 */
export async function serve(folder: string, port: number, { isolated = true } = {}): Promise<{ url: string; close: () => Promise<void> }> {
  const server = await preview({
    root: folder, appType: "mpa", configFile: false, logLevel: "error", build: { outDir: "." },
    preview: { host: "localhost", port, strictPort: true, headers: isolated ? ISOLATED : {} },
  });
  return { url: server.resolvedUrls!.local[0], close: () => server.close() };
}
