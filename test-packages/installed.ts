/** The packages as a user has them: packed, and installed by npm from the files into an empty folder. */
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { readPage } from "../docs/run-page.js";

export const root = resolve(fileURLToPath(new URL("..", import.meta.url)));
export const packages = ["tensor", "nn", "diffusion"] as const;

/** The output of a program. Throws where it fails, with what it said. */
export function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): string {
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env }, maxBuffer: 1 << 28 });
}

/** Where the packages are installed, and what of. */
export interface Installed {
  readonly folder: string;
  /** The files of npm pack: of each package, and of the alias `fromnoise`. */
  readonly tarballs: readonly string[];
  dispose(): void;
}

/** Packs everything and installs it. It takes the registry for what the packages depend on. */
export function install(): Installed {
  const base = mkdtempSync(join(tmpdir(), "fromnoise-install-"));
  const packed = join(base, "packed"), folder = join(base, "user");
  run("npm", ["run", "--silent", "release", "--", "--dry", "--out", packed], root);
  const tarballs = readdirSync(packed).filter((name) => name.endsWith(".tgz")).map((name) => join(packed, name));
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  run("npm", ["install", "--no-audit", "--no-fund", "--loglevel", "error", ...tarballs], folder);
  return { folder, tarballs, dispose: () => rmSync(base, { recursive: true, force: true }) };
}

/** Bytes of all files below a folder, links not followed. */
export function bytesBelow(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    return sum + (entry.isDirectory() ? bytesBelow(path) : lstatSync(path).size);
  }, 0);
}

/** The program of a package's README in JavaScript, and what it prints. */
export function readmeOf(name: string): { typescript: string; javascript: string; expected: string } {
  const { program, blocks } = readPage(readFileSync(join(root, "packages", name, "README.md"), "utf8"));
  const source = program.replaceAll(/^console\.log\("--- end of block ---"\);$/gm, "");
  const { outputText } = ts.transpileModule(source, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } });
  return { typescript: source, javascript: outputText, expected: blocks.map(({ expected }) => expected).join("\n") };
}
