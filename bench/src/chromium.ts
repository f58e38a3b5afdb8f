/**
 * The Chromium that contenders named `chromium/...`, peers on WebGL and WebGPU and the suites of test-gpu compute in: its program and
 * the flags to start it with.
 */
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

/** What to start Chromium with, for device strings or peers' `name:backend` that compute in it, side by side. */
export function chromiumFlags(...specs: string[]): string[] {
  const own = process.env["CHROMIUM_FLAGS"]?.split(" ").filter((flag) => flag !== "");
  const apis = new Set(specs.map((spec) => (spec.endsWith("webgpu") ? "webgpu" : "gl")));
  return [...HEADLESS, ...(own ?? [...apis].flatMap((api) => SOFTWARE[api]))];
}
