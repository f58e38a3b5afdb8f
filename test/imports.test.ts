/** The rules of dependency-cruiser.config.mjs, each on a small tree that breaks it: a rule that catches nothing forbids nothing. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const root = fileURLToPath(new URL("..", import.meta.url));
const tensor = "packages/tensor/src";

/** The rule that is broken, the file that breaks it, what it imports, and the file it means; "" for a package of npm. */
const broken: readonly (readonly [rule: string, from: string, specifier: string, to: string])[] = [
  ["tensor-is-the-ground", `${tensor}/ops/a.ts`, "@fromnoise/nn", "packages/nn/src/index.ts"],
  ["declared-by-tensor", `${tensor}/core/b.ts`, "@fromnoise/diffusion", "packages/diffusion/src/index.ts"],
  ["nn-over-tensor", "packages/nn/src/a.ts", "@fromnoise/diffusion", "packages/diffusion/src/index.ts"],
  ["declared-by-nn", "packages/nn/src/b.ts", "@fromnoise/diffusion", "packages/diffusion/src/index.ts"],
  ["packages-over-tools", "packages/nn/src/c.ts", "../../../bench/src/a.js", "bench/src/a.ts"],
  ["packages-over-tools", "packages/nn/src/d.ts", "../test/a.js", "packages/nn/test/a.ts"],
  ["by-the-front-door", "packages/nn/src/e.ts", "../../tensor/src/backends/wasm/a.js", `${tensor}/backends/wasm/a.ts`],
  ["by-the-front-door", "packages/diffusion/src/a.ts", "../../nn/src/a2.js", "packages/nn/src/a2.ts"],
  ["no-own-name", "packages/diffusion/src/b.ts", "@fromnoise/diffusion", "packages/diffusion/src/index.ts"],
  ["pages-without-node", "packages/diffusion/src/models/a.ts", "node:fs", ""],
  ["pages-without-node", "packages/diffusion/src/models/formats/a.ts", "path", ""],
  ["node-in-its-folders", "packages/diffusion/src/train/a.ts", "../models/node/a.js", "packages/diffusion/src/models/node/a.ts"],
  ["node-in-its-folders", "packages/diffusion/src/d.ts", "./node.js", "packages/diffusion/src/node.ts"],
  ["node-in-its-folders", "packages/diffusion/src/image/a.ts", "pngjs", ""],
  ["library-without-command", "packages/diffusion/src/c.ts", "./command/a.js", "packages/diffusion/src/command/a.ts"],
  ["kernels-stand-alone", `${tensor}/kernels/a.ts`, "../core/tensor.js", `${tensor}/core/tensor.ts`],
  ["kernels-take-types", `${tensor}/kernels/b.ts`, "../core/shape.js", `${tensor}/core/shape.ts`],
  ["core-knows-kernels-alone", `${tensor}/core/c.ts`, "../ops/b.js", `${tensor}/ops/b.ts`],
  ["core-knows-kernels-alone", `${tensor}/core/d.ts`, "../backends/wasm/b.js", `${tensor}/backends/wasm/b.ts`],
  ["core-knows-kernels-alone", `${tensor}/core/e.ts`, "../observers/a.js", `${tensor}/observers/a.ts`],
  ["backends-know-kernels", `${tensor}/backends/gpu/a.ts`, "../../ops/c.js", `${tensor}/ops/c.ts`],
  ["backends-know-kernels", `${tensor}/backends/gpu/b.ts`, "../../core/device.js", `${tensor}/core/device.ts`],
  ["backends-know-kernels", `${tensor}/backends/gpu/c.ts`, "../../core/tensor.js", `${tensor}/core/tensor.ts`],
  ["backends-know-kernels", `${tensor}/backends/gpu/d.ts`, "../../open-device.js", `${tensor}/open-device.ts`],
  ["backends-apart", `${tensor}/backends/gpu/e.ts`, "../wasm/c.js", `${tensor}/backends/wasm/c.ts`],
  ["ops-name-no-backend", `${tensor}/ops/d.ts`, "../backends/reference/a.js", `${tensor}/backends/reference/a.ts`],
  ["ops-name-no-backend", `${tensor}/ops/e.ts`, "../open-device.js", `${tensor}/open-device.ts`],
  ["observers-know-the-reference", `${tensor}/observers/b.ts`, "../backends/wasm/d.js", `${tensor}/backends/wasm/d.ts`],
  ["observers-know-the-reference", `${tensor}/verify/a.ts`, "../backends/gpu/f.js", `${tensor}/backends/gpu/f.ts`],
  ["no-circles", "packages/nn/src/f.ts", "./f.js", "packages/nn/src/f.ts"],
  ["installed-by-its-own", "packages/nn/src/g.ts", "pngjs", ""],
  ["installed-by-its-own", "bench/src/b.ts", "chai", ""],
  ["resolvable", "packages/nn/src/h.ts", "./nowhere.js", ""],
];

/** What must stay allowed: nobody may break a rule by it. */
const allowed: readonly (readonly [from: string, specifier: string, to: string])[] = [
  [`${tensor}/observers/ok.ts`, "../backends/reference/ok.js", `${tensor}/backends/reference/ok.ts`],
  [`${tensor}/backends/gpu/ok.ts`, "../../kernels/ok.js", `${tensor}/kernels/ok.ts`],
  [`${tensor}/backends/gpu/ok2.ts`, "../../core/errors.js", `${tensor}/core/errors.ts`],
  ["packages/nn/src/ok.ts", "@fromnoise/tensor", `${tensor}/index.ts`],
  ["packages/diffusion/src/ok.ts", "@fromnoise/nn", "packages/nn/src/index.ts"],
  ["packages/diffusion/src/image/node/ok.ts", "pngjs", ""],
  ["packages/diffusion/src/image/node/ok2.ts", "node:fs", ""],
  ["packages/diffusion/src/command/ok.ts", "../image/node/ok3.js", "packages/diffusion/src/image/node/ok3.ts"],
];

interface Violation { readonly from: string; readonly to: string; readonly rule: { readonly name: string } }

/** What dependency-cruiser says of a folder laid out like the house. */
async function violationsIn(folder: string): Promise<readonly Violation[]> {
  const program = join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const args = [program, "--config", join(root, "dependency-cruiser.config.mjs"), "--output-type", "json", "packages", "bench"];
  const json = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 2 ** 26 }, (error, stdout) => {
      if (stdout === "") reject(error!); // with violations it exits with their number
      else resolve(stdout);
    });
  });
  return (JSON.parse(json) as { summary: { violations: Violation[] } }).summary.violations;
}

describe("the rules of imports", () => {
  let folder: string;
  let violations: readonly Violation[];

  before(async function () {
    this.timeout(120_000);
    folder = mkdtempSync(join(tmpdir(), "fromnoise-imports-"));
    const write = (file: string, text: string): void => {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    };
    for (const [, , , to] of broken) if (to !== "") write(to, "export {};\n");
    for (const [, , to] of allowed) if (to !== "") write(to, "export {};\n");
    for (const [, from, specifier] of broken) write(from, `import "${specifier}";\n`);
    for (const [from, specifier] of allowed) write(from, `import "${specifier}";\n`);
    write(`${tensor}/kernels/ok2.ts`, 'import type { Shape } from "../core/shape.js";\nexport type A = Shape;\n');
    write("packages/nn/src/alone.ts", "const a = 1;\n");
    write("package.json", JSON.stringify({ name: "a-house", type: "module" }));
    mkdirSync(join(folder, "node_modules/@fromnoise"), { recursive: true });
    for (const name of ["tensor", "nn", "diffusion"]) {
      cpSync(join(root, "packages", name, "package.json"), join(folder, "packages", name, "package.json"));
      symlinkSync(join(folder, "packages", name), join(folder, "node_modules/@fromnoise", name));
    }
    cpSync(join(root, "bench/package.json"), join(folder, "bench/package.json"));
    for (const name of ["chai", "pngjs"]) {
      symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
    }
    violations = await violationsIn(folder);
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const [rule, from, specifier] of broken) {
    it(`${rule}: ${from} may not import ${specifier}`, () => {
      const rules = violations.filter((violation) => violation.from === from).map((violation) => violation.rule.name);
      expect(rules).to.include(rule);
    });
  }

  it("no-orphans: a file alone is found", () => {
    expect(violations.find(({ rule }) => rule.name === "no-orphans")?.from).to.equal("packages/nn/src/alone.ts");
  });

  it("leave alone what goes the right way", () => {
    const sources = new Set([...allowed.map(([from]) => from), `${tensor}/kernels/ok2.ts`]);
    expect(violations.filter(({ from }) => sources.has(from))).to.deep.equal([]);
  });

  it("are all broken here", async () => {
    const { default: config } = await import(join(root, "dependency-cruiser.config.mjs")) as {
      default: { forbidden: { name: string }[] };
    };
    const rules = new Set(config.forbidden.map(({ name }) => name));
    expect(rules).to.deep.equal(new Set([...broken.map(([rule]) => rule), "no-orphans"]));
  });
});
