import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { binaryOps, reduceOps, unaryOps } from "../../../src/kernels/contract.js";

const root = fileURLToPath(new URL("../../../../../", import.meta.url));
const assembly = join(root, "packages/tensor/src/backends/wasm/assembly");

type Operations = Readonly<Record<"unary" | "binary" | "reduce", readonly string[]>>;
interface RowFunctions { readonly unaryRows: ReadonlySet<string>; readonly binaryRows: ReadonlySet<string> }
interface Generator {
  codesSource(operations: Operations): string;
  lanesSource(operations: Operations, rows: RowFunctions): string;
  rowsSource(operations: Operations, rows: RowFunctions): string;
}
interface Compiler {
  main(args: readonly string[], api: { readFile(path: string, folder: string): string | null }):
    Promise<{ error: Error | null; stderr: { toString(): string } }>;
}

/** What the compiler says of the dispatch generated for these operations. */
async function messagesFor(operations: Operations): Promise<string> {
  const generator = await import(join(root, "scripts/wasm/operations.mjs")) as Generator;
  const { default: asc } = await import("assemblyscript/asc") as unknown as { default: Compiler };
  const rows = { unaryRows: new Set(["sigmoidRow", "siluRow"]), binaryRows: new Set(["siluGradRow"]) };
  const generated: Readonly<Record<string, string>> = {
    "generated/codes.ts": generator.codesSource(operations), "generated/lanes.ts": generator.lanesSource(operations, rows),
    "generated/rows.ts": generator.rowsSource(operations, rows),
  };
  const args = ["generated/rows.ts", "--baseDir", assembly, "--runtime", "stub", "--noEmit", "--disableWarning"];
  const { stderr } = await asc.main([...args, "--use", "REVECTORIZED=0", "--enable", "simd", "--enable", "threads"], {
    readFile(path, folder) {
      const file = join(folder, path);
      try {
        return generated[relative(assembly, file).split(sep).join("/")] ?? readFileSync(file, "utf8");
      } catch {
        return null; // the compiler looks in several places
      }
    },
  });
  return stderr.toString();
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
