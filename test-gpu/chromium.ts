/** Builds the page with Vite, serves it as a web page is served that may use threads, and runs it in the system's Chromium. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { build } from "vite";
import { readGoldens } from "./goldens.js";
import type { Report } from "./suite.js";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Headless Chromium that computes on SwiftShader where there is no GPU. */
const FLAGS = [
  "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--disable-dev-shm-usage",
];
const MODE_FLAGS = {
  webgl2: ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
  webgpu: ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"],
} as const;

export const chromiumIsThere = (): boolean => existsSync(CHROMIUM);

/** The suite in Chromium, in each of the modes; rejects when the page fails as a whole. */
export async function runInChromium(mode: keyof typeof MODE_FLAGS, log: (line: string) => void): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "fromnoise-page-"));
  let server: Server | undefined;
  try {
    await buildPage(fileURLToPath(new URL("page", import.meta.url)), folder);
    writeFileSync(join(folder, "goldens.json"), JSON.stringify(readGoldens()));
    server = await serve(folder);
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, ...MODE_FLAGS[mode]] });
    try {
      const page = await browser.newPage();
      page.on("console", (message) => log(message.text()));
      page.on("pageerror", (error) => log(error.message));
      await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/index.html?mode=${mode}`);
      return JSON.parse(await page.evaluate(() => (window as unknown as { suite: Promise<string> }).suite)) as Report;
    } finally {
      await browser.close();
    }
  } finally {
    server?.close();
    rmSync(folder, { recursive: true });
  }
}

/** A plain Vite build of a page on the packages' sources. */
async function buildPage(root: string, outDir: string): Promise<void> {
  await build({
    root, base: "./", configFile: false, logLevel: "error",
    resolve: { conditions: ["fromnoise-source", "module", "browser", "import", "default"] },
    build: { outDir, emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 4000 },
  });
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html", ".js": "text/javascript", ".json": "application/json", ".css": "text/css", ".png": "image/png",
};

/** Serves a folder on a free port, cross-origin isolated, as SharedArrayBuffer needs. */
async function serve(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    readFile(join(folder, path === "/" ? "index.html" : path)).then(
      (body) => response.writeHead(200, {
        "content-type": TYPES[extname(path)] ?? "application/octet-stream",
        "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp",
      }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  return server;
}
