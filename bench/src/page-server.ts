/** Builds a page on the packages' sources with Vite, and serves it: what measures or checks in a browser. */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { build } from "vite";

/** A plain Vite build of the folder `root` into `outDir`; all paths in it are relative. */
export async function buildPage(root: string, outDir: string): Promise<void> {
  await build({
    root, base: "./", configFile: false, logLevel: "error",
    resolve: { conditions: ["fromnoise-source", "module", "browser", "import", "default"] },
    worker: { format: "es" },
    build: { outDir, emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 4000 },
  });
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html", ".js": "text/javascript", ".json": "application/json", ".css": "text/css", ".png": "image/png",
};

/** The headers that isolate a page from other origins, as SharedArrayBuffer and with it threads need. */
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** Serves a folder, isolated unless told otherwise. Port 0 is a free one. */
export async function serve(folder: string, port: number, { isolated = true } = {}): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const asked = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    const path = asked === "/" ? "/index.html" : asked;
    readFile(join(folder, path)).then(
      (body) => response.writeHead(200, {
        "content-type": TYPES[extname(path)] ?? "application/octet-stream", ...(isolated ? ISOLATED : {}),
      }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(port, "localhost", resolve));
  return { url: `http://localhost:${(server.address() as AddressInfo).port}/`, server };
}
