/** Vite's preview server below a path, without any header that a page could need: what every host of static files can do. */
import type { AddressInfo } from "node:net";
import { preview } from "vite";

/** Serves a folder under `base`, "/" or "/x/"; what is not there is answered by 404. Port 0 is a free one; throws where a port is taken. */
export async function serveFiles(folder: string, base: string, port: number): Promise<{ url: string; close: () => Promise<void> }> {
  const server = await preview({
    root: folder, base, appType: "mpa", configFile: false, logLevel: "error", build: { outDir: "." },
    preview: { host: "localhost", port, strictPort: true, cors: false },
  });
  return { url: `http://localhost:${(server.httpServer.address() as AddressInfo).port}${base}`, close: () => server.close() };
}
