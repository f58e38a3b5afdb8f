/** The Chromium that contenders named `chromium/...` and peers on WebGL and WebGPU compute in. */
import { existsSync } from "node:fs";
import { ConfigError } from "@fromnoise/tensor";

/** Its program. Throws ConfigError where there is none. */
export function chromiumProgram(): string {
  const program = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  if (existsSync(program)) return program;
  throw new ConfigError(`Chromium is not there: ${program}`, ["setup    apt-get install -y chromium, or name one in $CHROMIUM"]);
}

const HEADLESS = [
  "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--disable-dev-shm-usage",
];

/** Rendering by SwiftShader, which every machine can. $CHROMIUM_FLAGS, with spaces between, takes their place. */
const SOFTWARE = {
  gl: ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
  webgpu: ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"],
} as const;

/** What to start Chromium with for a device string or a peer's `name:backend`, or for several in one page. */
export function chromiumFlags(...specs: string[]): string[] {
  const own = process.env["CHROMIUM_FLAGS"]?.split(" ").filter((flag) => flag !== "");
  const apis = new Set(specs.map((spec) => (spec.endsWith("webgpu") ? "webgpu" : "gl")));
  return [...HEADLESS, ...(own ?? [...apis].flatMap((api) => SOFTWARE[api]))];
}
