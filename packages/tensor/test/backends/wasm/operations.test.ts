import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { binaryOps, reduceOps, unaryOps } from "../../../src/kernels/contract.js";

const root = fileURLToPath(new URL("../../../../../", import.meta.url));
const assembly = join(root, "packages/tensor/src/backends/wasm/assembly");

type Operations = Readonly<Record<"unary" | "binary" | "reduce", readonly string[]>>;
interface Generator {
  codesSource(operations: Operations): string;
  lanesSource(operations: Operations, names: ReadonlySet<string>): string;
  rowsSource(operations: Operations, names: ReadonlySet<string>): string;
}

/** What the compiler says of the dispatch generated for these operations, in a copy of the assembly. */
async function messagesFor(operations: Operations): Promise<string> {
  const generator = await import(join(root, "scripts/wasm/operations.mjs")) as Generator;
  const rows = new Set(["sigmoidRow", "siluRow", "siluGradRow"]);
  const copy = mkdtempSync(join(tmpdir(), "fromnoise-assembly-"));
  try {
    cpSync(assembly, copy, { recursive: true });
    writeFileSync(join(copy, "generated/codes.ts"), generator.codesSource(operations));
    writeFileSync(join(copy, "generated/lanes.ts"), generator.lanesSource(operations, rows));
    writeFileSync(join(copy, "generated/rows.ts"), generator.rowsSource(operations, rows));
    const args = ["generated/rows.ts", "--runtime", "stub", "--noEmit", "--disableWarning", "--use", "REVECTORIZED=0"];
    const asc = join(root, "node_modules/assemblyscript/bin/asc.js");
    const { stdout, stderr } = spawnSync(process.execPath, [asc, ...args, "--enable", "simd", "--enable", "threads", "--noColors"], {
      cwd: copy, encoding: "utf8",
    });
    return stdout + stderr;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

describe("the dispatch of operations in the wasm kernels", function () {
  this.timeout(60_000);

  it("compiles for the operations of the kernels' definitions", async () => {
    expect(await messagesFor({ unary: unaryOps, binary: binaryOps, reduce: reduceOps })).to.equal("");
  });

  it("does not compile where the assembly lacks one, and says which", async () => {
    const more = { unary: [...unaryOps, "cube"], binary: [...binaryOps, "hypotenuse"], reduce: [...reduceOps, "product"] };
    const messages = await messagesFor(more);
    for (const name of ["cube", "hypotenuse", "productRow", "productColumns"]) {
      expect(messages).to.match(new RegExp(`ERROR TS2339: Property '${name}' does not exist`));
    }
  });
});
