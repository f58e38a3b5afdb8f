// `npm run site`, `site:build` and `site:check`: installs the site's own packages, by its own lock file, where they are not there yet; then build.ts or check/run.ts.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const folder = import.meta.dirname;
if (!existsSync(join(folder, "node_modules/vitepress"))) {
  console.log("installing the site's packages (docs/site/package-lock.json) ...");
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: "inherit", shell: process.platform === "win32" });
  if (status !== 0) process.exit(status ?? 1);
}
if (process.argv[2] === "check") {
  const { status } = spawnSync(process.execPath, [join(folder, "node_modules/typescript/bin/tsc"), "-p", folder], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
  await import("./check/run.ts");
} else {
  const { run } = await import("./build.ts");
  try {
    await run(process.argv.slice(2));
  } catch (error) {
    if (error.name !== "ConfigError" && !String(error.code).startsWith("ERR_PARSE_ARGS")) throw error;
    console.error(error.message);
    console.error("  usage    npm run site [-- --port N]   or   npm run site:build -- [--base /x/] [--out DIR]");
    process.exitCode = 2;
  }
}
