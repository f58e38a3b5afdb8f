import { expect } from "chai";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { build as esbuild } from "esbuild";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { build as vite } from "vite";
import { bytesBelow, install, packages, readmeOf, root, run, type Installed } from "./installed.js";

/** What a page that computes on CPUs imports. */
const page = `
import { openDevice, zeros } from "@fromnoise/tensor";
import { UNet } from "@fromnoise/nn";
import { discreteProcess } from "@fromnoise/diffusion";
const device = await openDevice("reference");
globalThis.result = [zeros([2, 3], { device }).shape, UNet.name.length > 0, discreteProcess({ name: "linear", timesteps: 10 }).levels.length];
await openDevice("gpu:cpu").catch((error) => { globalThis.refusal = error.message; });
`;

describe("the packages, installed from their files into an empty folder", function () {
  this.timeout(300_000);
  let installed: Installed;
  let modules: string;
  before(() => {
    installed = install();
    modules = join(installed.folder, "node_modules");
  });
  after(() => installed?.dispose());
  const versions: Readonly<Record<string, () => string>> = {
    [process.version]: () => process.execPath,
    "Node 24": () => run("npx", ["-y", "-p", "node@24", "node", "-p", "process.execPath"], root).trim(),
  };

  it("take at most 15 MB, and the bundled sheets and models 12 MB more, without what only GPUs need", function () {
    const data = bytesBelow(join(modules, "@fromnoise/diffusion/data"));
    const rest = bytesBelow(modules) - data;
    console.log(`      ${(rest / 1e6).toFixed(2)} MB, and ${(data / 1e6).toFixed(2)} MB of sheets and models`);
    expect(rest).to.be.below(15e6);
    expect(data).to.be.below(12e6);
    for (const name of ["gpu.js", "webgpu", "gl"]) expect(existsSync(join(modules, name)), name).to.equal(false);
  });

  it("carry README, LICENSE, CHANGELOG, and no condition of this repository", () => {
    for (const name of packages) {
      const folder = join(modules, "@fromnoise", name);
      expect(readdirSync(folder)).to.include.members(["README.md", "LICENSE", "CHANGELOG.md", "src", "dist"]);
      const manifest = readFileSync(join(folder, "package.json"), "utf8");
      expect(manifest).to.not.include("fromnoise-source");
      expect(JSON.parse(manifest)).to.include.keys("repository", "keywords", "homepage", "bugs").and.not.have.property("scripts");
      expect(readdirSync(folder)).to.not.include("test");
    }
    expect(existsSync(join(modules, "@fromnoise/diffusion/data/LICENSES.md"))).to.equal(true);
  });

  it("lead from every declaration and every line of JavaScript to its source", () => {
    let maps = 0;
    for (const name of packages) {
      const dist = join(modules, "@fromnoise", name, "dist");
      for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".map"))) {
        const { sources } = JSON.parse(readFileSync(join(dist, file), "utf8")) as { sources: string[] };
        for (const source of sources) expect(existsSync(resolve(dirname(join(dist, file)), source)), `${file}: ${source}`).to.equal(true);
        maps++;
      }
    }
    expect(maps).to.be.above(400);
  });

  for (const [version, node] of Object.entries(versions)) {
    for (const name of packages) {
      it(`run the program of the README of ${name} on ${version}`, () => {
        const { javascript, expected } = readmeOf(name);
        writeFileSync(join(installed.folder, `${name}.js`), javascript);
        expect(run(node(), [`${name}.js`], installed.folder).trimEnd()).to.equal(expected);
      });
    }

    it(`answer to npx fromnoise on ${version}, with the models that came along`, () => {
      const bin = join(modules, ".bin", "fromnoise");
      expect(run(node(), [bin, "--help"], installed.folder)).to.include("fromnoise COMMAND");
      run(node(), [bin, "sample", "--recipe", "digits-16", "--count", "2", "--steps", "2", "--device", "wasm:threads=1", "--out", `samples-${version}`], installed.folder);
      expect(readdirSync(join(installed.folder, `samples-${version}`)).length).to.be.above(0);
    });
  }

  it("can be required", () => {
    const program = packages.map((name) => `console.log(Object.keys(require("@fromnoise/${name}")).length > 20)`).join(";");
    expect(run(process.execPath, ["--no-warnings", "-e", program], installed.folder)).to.equal("true\ntrue\ntrue\n");
  });

  it("say how to install gpu.js where the device gpu is opened without it", () => {
    const program = 'import { openDevice } from "@fromnoise/tensor"; await openDevice("gpu:webgpu").catch((error) => console.log(error.name, error.message));';
    expect(run(process.execPath, ["--input-type=module", "-e", program], installed.folder)).to.match(/^DeviceError gpu: the package gpu\.js is not there\n[\s\S]*\n {2}install {2}npm install gpu\.js\n/);
  });

  for (const [module, moduleResolution] of [["node16", "node16"], ["nodenext", "nodenext"], ["esnext", "bundler"], ["preserve", "bundler"]] as const) {
    it(`type-check strictly in a project with module ${module}, resolution ${moduleResolution}`, () => {
      for (const name of packages) writeFileSync(join(installed.folder, `${name}-program.ts`), readmeOf(name).typescript);
      const options = [
        "--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--module", module, "--moduleResolution", moduleResolution, "--skipLibCheck", "false",
        "--typeRoots", join(root, "node_modules/@types"), "--types", "node",
      ];
      const files = packages.map((name) => `${name}-program.ts`);
      expect(run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), ...options, ...files], installed.folder)).to.equal("");
    });
  }

  it("please publint and attw", async () => {
    for (const [i, name] of packages.entries()) {
      const { messages, pkg } = await publint({ pkgDir: join(modules, "@fromnoise", name), strict: true, pack: false });
      expect(messages.map((message) => formatMessage(message, pkg)), name).to.deep.equal([]);
      const tarball = installed.tarballs.find((path) => path.includes(`fromnoise-${name}-`))!;
      const result = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))));
      // Modules alone are published: "require" gets them from Node 20.19 on, which attw takes for an error of older ones; node10 knows no exports.
      const problems = result.types === false ? [`${i}: no types`]
        : result.problems.filter(({ kind }) => kind !== "CJSResolvesToESM").filter((problem) => !("resolutionKind" in problem && problem.resolutionKind === "node10"));
      expect(problems, name).to.deep.equal([]);
    }
  });

  it("are bundled by Vite and esbuild for a page that computes on CPUs", async () => {
    writeFileSync(join(installed.folder, "page.js"), page);
    writeFileSync(join(installed.folder, "index.html"), '<!doctype html><script type="module" src="/page.js"></script>');
    await vite({ root: installed.folder, logLevel: "error", build: { outDir: "by-vite", target: "es2022", minify: false } });
    expect(readdirSync(join(installed.folder, "by-vite/assets")).length).to.be.above(0);
    await esbuild({
      absWorkingDir: installed.folder, entryPoints: ["page.js"], bundle: true, splitting: true, format: "esm", platform: "browser", target: "es2022", outdir: "by-esbuild", logLevel: "error",
    });
    writeFileSync(join(installed.folder, "run.js"), 'await import("./by-esbuild/page.js"); console.log(JSON.stringify([globalThis.result, globalThis.refusal]));');
    const [result, refusal] = JSON.parse(run(process.execPath, ["run.js"], installed.folder)) as [unknown, string];
    expect(result).to.deep.equal([[2, 3], true, 10]);
    expect(refusal).to.include("npm install gpu.js");
  });
});
