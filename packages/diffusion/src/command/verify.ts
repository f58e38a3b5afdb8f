import { readFileSync } from "node:fs";
import { ConfigError, openDeviceSpec, runGoldenOp, type Device, type DType, type GoldenOp } from "@fromnoise/tensor";
import { verifyUNet, type GoldenRow, type UNetGolden } from "@fromnoise/nn";
import { verifyTraining, type TrainGolden } from "../verify/golden-train.js";
import { expectPositionals, type Arguments, type Command } from "./options.js";

export const verify: Command = {
  name: "verify",
  summary: "check this library against golden numbers of another implementation",
  usage: "fromnoise verify FILE... [flags]",
  flags: [
    { name: "device", kind: "text", value: "NAME", help: "where to compute", default: "reference" },
    { name: "dtype", kind: "text", value: "NAME", help: "f64, f32", default: "f64 where the device has it" },
    { name: "tolerance", kind: "number", value: "X", help: "largest error allowed", default: "1e-9 in f64, 1e-4 in f32" },
    { name: "json", kind: "boolean", help: "print {file, kind, device, dtype, tolerance, worst, pass, rows} for each file" },
  ],
  notes: "Files have the format fromnoise-golden-1, of kind ops, unet or train (docs/golden-format.md). Exit code 1 past the tolerance, 2 for a\ndtype that the device has not or a network that is not implemented.",
  run: runVerify,
};

interface FileResult { file: string; kind: string; device: string; dtype: DType; tolerance: number; worst: number; pass: boolean; rows: GoldenRow[] }

async function runVerify(args: Arguments): Promise<number> {
  expectPositionals(verify, args, 1, Infinity);
  const { flags } = args;
  const spec = (flags["device"] as string | undefined) ?? "reference";
  const device = await openDeviceSpec(spec);
  try {
    const dtype = dtypeOf(flags["dtype"], device);
    const tolerance = (flags["tolerance"] as number | undefined) ?? (dtype === "f64" ? 1e-9 : 1e-4);
    const results: FileResult[] = [];
    for (const file of args.positionals) {
      const { kind, rows } = await verifyFile(file, device, dtype);
      const worst = rows.reduce((most, { error }) => (error > most || Number.isNaN(error) ? error : most), 0);
      results.push({ file, kind, device: spec, dtype, tolerance, worst, pass: worst <= tolerance, rows });
    }
    if (flags["json"] === true) console.log(JSON.stringify(results.length === 1 ? results[0] : results, null, 2));
    else for (const result of results) print(result);
    return results.every(({ pass }) => pass) ? 0 : 1;
  } finally {
    await device.dispose();
  }
}

/** Runs one golden file. Throws ConfigError for another format, an unknown op, or a network that is not implemented. */
async function verifyFile(file: string, device: Device, dtype: DType): Promise<{ kind: string; rows: GoldenRow[] }> {
  const golden = readGolden(file);
  const { format, kind } = golden as { format?: unknown; kind?: unknown };
  if (format !== "fromnoise-golden-1") throw new ConfigError(`${file}: the format is ${JSON.stringify(format)}`, ["expected fromnoise-golden-1"]);
  switch (kind) {
    case "ops": {
      const rows: GoldenRow[] = [];
      for (const [name, op] of Object.entries((golden as { ops: Record<string, GoldenOp> }).ops)) {
        for (const { quantity, error } of await runGoldenOp(op, device, dtype)) rows.push({ name, quantity, error });
      }
      return { kind, rows };
    }
    case "unet": return { kind, rows: await verifyUNet(golden as unknown as UNetGolden, { device, dtype }) };
    case "train": return { kind, rows: await verifyTraining(golden as unknown as TrainGolden, { device, dtype }) };
    default: throw new ConfigError(`${file}: the kind is ${JSON.stringify(kind)}`, ["allowed  ops, unet, train"]);
  }
}

function readGolden(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(`cannot read ${file}`, [`reason   ${(error as NodeJS.ErrnoException).code ?? String(error)}`]);
  }
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new ConfigError(`${file} is not JSON`, [`reason   ${(error as Error).message}`]);
  }
}

function dtypeOf(flag: unknown, device: Device): DType {
  if (flag === undefined) return device.dtypes.includes("f64") ? "f64" : "f32";
  if (flag !== "f32" && flag !== "f64") throw new ConfigError(`--dtype: "${String(flag)}" is not allowed`, ["allowed  f32, f64"]);
  if (!device.dtypes.includes(flag)) throw new ConfigError(`--dtype: the ${device.name} device has no ${flag}`, [`allowed  ${device.dtypes.join(", ")}`]);
  return flag;
}

/** One line a quantity and name, and the verdict. */
function print({ file, kind, device, dtype, tolerance, worst, pass, rows }: FileResult): void {
  console.log(`${file}: ${kind}, ${dtype} on ${device}`);
  const byName = new Map<string, GoldenRow[]>();
  for (const row of rows) byName.set(row.name, [...(byName.get(row.name) ?? []), row]);
  const width = Math.max(...[...byName.keys()].map((name) => name.length));
  for (const [name, quantities] of byName) {
    const errors = quantities.map(({ quantity, error }) => `${quantity} ${error.toExponential(1)}${error <= tolerance ? "" : " !"}`);
    console.log(`  ${name.padEnd(width)}  ${errors.join("  ")}`);
  }
  console.log(`${pass ? "passed" : "FAILED"}: worst error ${worst.toExponential(2)}, tolerance ${tolerance.toExponential(0)}\n`);
}
