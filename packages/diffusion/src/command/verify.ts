import { dirname, resolve } from "node:path";
import {
  ConfigError, FromnoiseError, goldenOpsOf, largestGradient, runGoldenOp, type Device, type DType,
} from "@fromnoise/tensor";
import { verifyDit, verifyUNet, worse, type GoldenRow, type UNetGolden } from "@fromnoise/nn";
import { deviceField } from "../config/device.js";
import { field, optional } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import { flag, number, oneOf } from "@fromnoise/nn/kinds";
import { readJson } from "../models/node/files.js";
import { verifyTraining, type TrainGolden } from "../verify/golden-train.js";
import { fileSource } from "../models/node/file-source.js";
import { modelGolden, verifyModel } from "../verify/golden-model.js";
import { shownText } from "./text-table.js";
import { revectorizeField, withDevice, type Arguments, type Command } from "./command.js";

const verifyFields = {
  device: deviceField("reference"),
  revectorize: revectorizeField,
  dtype: optional(oneOf(["f64", "f32"]), "number type", { shown: "f64 where the device has it" }),
  tolerance: optional(number({ from: 0 }), "largest error allowed", { shown: "1e-9 in f64, 1e-4 in f32" }),
  json: field(flag, false, "print {file, kind, device, dtype, tolerance, worst, pass, rows}, a list of them for several files"),
};

export const verify: Command = {
  name: "verify",
  summary: "check this library against golden numbers of another implementation",
  usage: "fromnoise verify FILE... [flags]",
  examples: [
    "fromnoise verify packages/tensor/test/golden/ops.json",
  ],
  operands: ["<files...>"],
  flags: flagsOf(verifyFields),
  notes: [
    "Files have the format fromnoise-golden-1, of kind ops, unet, dit, train or model: docs/golden-format.md says how to write one. Exit",
    "code 1 past the tolerance, 2 for a dtype that the device does not have or a network that is not implemented.",
  ].join("\n"),
  run: runVerify,
};

interface FileResult {
  file: string; kind: string; device: string; dtype: DType; tolerance: number; worst: number; pass: boolean; rows: GoldenRow[],
}

async function runVerify({ operands: files, flags }: Arguments): Promise<number> {
  const { device: spec, revectorize, json, ...wanted } = optionsOf(verifyFields, flags);
  return withDevice(spec, revectorize, async (device) => {
    const dtype = dtypeOf(wanted.dtype, device);
    const tolerance = wanted.tolerance ?? (dtype === "f64" ? 1e-9 : 1e-4);
    const results: FileResult[] = [];
    const problems: FromnoiseError[] = [];
    for (const file of files) {
      try {
        const { kind, rows } = await verifyFile(file, device, dtype);
        const worst = rows.map(({ error }) => error).reduce(worse, 0);
        results.push({ file, kind, device: spec, dtype, tolerance, worst, pass: worst <= tolerance, rows });
        if (!json) print(results.at(-1)!);
      } catch (error) {
        if (!(error instanceof FromnoiseError)) throw error;
        problems.push(error);
        console.error(`${error.name}: ${error.message.includes(file) ? "" : `${file}: `}${error.message}`);
      }
    }
    if (json && results.length > 0) {
      console.log(JSON.stringify(files.length === 1 ? results[0] : results, null, 2));
    }
    if (problems.some((error) => error instanceof ConfigError)) return 2;
    return problems.length === 0 && results.every(({ pass }) => pass) ? 0 : 1;
  });
}

const NETWORK = ["fill", "config", "input", "t", "output", "loss", "params"];
/** What a file of each kind must have. */
const kinds: Readonly<Record<string, readonly string[]>> = {
  ops: ["ops"], model: ["source"], unet: NETWORK, dit: NETWORK,
  train: ["fill", "config", "batch", "schedule", "objective", "optimizer", "steps", "final_l2"],
};

/**
 * Runs one golden file. Throws ConfigError for another format, an unknown op, or a network that is not implemented: numbers that cannot
 * be compared are refused, not passed over.
 */
async function verifyFile(file: string, device: Device, dtype: DType): Promise<{ kind: string; rows: GoldenRow[] }> {
  const golden = readJson(file);
  const { format, kind } = golden;
  if (format !== "fromnoise-golden-1") {
    throw new ConfigError(`the format is ${JSON.stringify(format)}`, ['expected "fromnoise-golden-1"']);
  }
  if (typeof kind !== "string" || !Object.hasOwn(kinds, kind)) {
    throw new ConfigError(`the kind is ${JSON.stringify(kind)}`, [`allowed  ${Object.keys(kinds).join(", ")}`]);
  }
  const missing = kinds[kind].filter((field) => golden[field] === undefined);
  if (missing.length > 0) {
    throw new ConfigError(`a file of kind ${kind} without ${missing.join(", ")}`, [`needed   ${kinds[kind].join(", ")}`]);
  }
  switch (kind) {
    case "unet": return { kind, rows: await verifyUNet(golden as unknown as UNetGolden, { device, dtype }) };
    case "dit": return { kind, rows: await verifyDit(golden as unknown as UNetGolden, { device, dtype }) };
    case "model": {
      const checked = modelGolden(golden);
      return { kind, rows: await verifyModel(checked, fileSource(resolve(dirname(file), checked.source)), { device, dtype }) };
    }
    case "train": return { kind, rows: await verifyTraining(golden as unknown as TrainGolden, { device, dtype }) };
    default: return { kind, rows: await verifyOps(golden["ops"], device, dtype) };
  }
}

async function verifyOps(file: unknown, device: Device, dtype: DType): Promise<GoldenRow[]> {
  const rows: GoldenRow[] = [];
  const ops = goldenOpsOf(file);
  const largest = largestGradient(Object.values(ops));
  for (const [name, op] of Object.entries(ops)) {
    for (const { quantity, error } of await runGoldenOp(op, device, dtype, largest)) rows.push({ name, quantity, error });
  }
  return rows;
}

function dtypeOf(wanted: DType | undefined, { name, dtypes }: Device): DType {
  if (wanted === undefined) return dtypes.includes("f64") ? "f64" : "f32";
  if (!dtypes.includes(wanted)) {
    throw new ConfigError(`--dtype: the ${name} device has no ${wanted}`, [`allowed  ${dtypes.join(", ")}`]);
  }
  return wanted;
}

/** One line a quantity and name, and the verdict. */
function print({ file, kind, device, dtype, tolerance, worst, pass, rows }: FileResult): void {
  console.log(`${file}: ${kind}, ${dtype} on ${device}`);
  const byName = new Map<string, GoldenRow[]>();
  for (const row of rows) byName.set(row.name, [...(byName.get(row.name) ?? []), row]);
  const width = [...byName.keys()].reduce((most, name) => Math.max(most, shownText(name).length), 0);
  for (const [name, quantities] of byName) {
    const errors = quantities.map(
      ({ quantity, error }) => `${quantity} ${error.toExponential(1)}${error <= tolerance ? "" : " !"}`,
    );
    console.log(`  ${shownText(name).padEnd(width)}  ${errors.join("  ")}`);
  }
  console.log(`${pass ? "passed" : "FAILED"}: worst error ${worst.toExponential(2)}, tolerance ${tolerance.toExponential(0)}\n`);
}
