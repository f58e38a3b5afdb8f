/** `scale`: a run goes on under PyTorch's distributed engine; docs/scale.md. */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "@fromnoise/tensor";
import { flag, integer, oneOf, text } from "@fromnoise/nn/kinds";
import { field, optional, type OptionsOf } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import { fileSource } from "../models/node/file-source.js";
import { withCheckpoint } from "../models/formats/checkpoint.js";
import { runOf } from "../train/checkpoint.js";
import { changesOf, readDataRecord } from "../train/node/data-record.js";
import { DECODED, writeDecoded } from "../train/node/decoded.js";
import { runIn } from "../train/node/run-directory.js";
import { openTrainingData } from "../train/node/training-data.js";
import type { Arguments, Command } from "./command.js";
import { openProgress } from "./progress.js";

const count = integer({ from: 1, to: 65536 });
const scaleFields = {
  nproc: field(count, 1, "processes on each machine: its GPUs, or its cores"),
  nnodes: field(count, 1, "machines; each runs the line", { value: "N" }),
  rdzv: optional(text, "HOST:PORT where the processes of several machines meet", { value: "HOST:PORT", shown: "none, on one machine" }),
  until: optional(count, "stop after this step, saving", { value: "STEP", shown: "the run's last" }),
  device: optional(oneOf(["cpu", "cuda"]), "where PyTorch computes", { shown: "cuda where there is one" }),
  python: field(text, "python3", "the Python that has PyTorch", { value: "COMMAND" }),
  run: field(flag, false, "run the line, not only print it"),
};

export const scale: Command = {
  name: "scale",
  summary: "go on with a run on several processes or machines, under PyTorch",
  usage: "fromnoise scale RUN --nproc 8 [flags]",
  examples: [
    "fromnoise scale runs/digits --nproc 2",
    "fromnoise scale runs/digits --nproc 8 --run",
  ],
  operands: ["<run>"],
  flags: flagsOf(scaleFields),
  notes: [
    "Writes the run's images as numbers into its folder, and prints the line that goes on with it under torchrun: the same network, data",
    "order, noise, optimiser and averages. `fromnoise train --resume` goes on with what comes back. docs/scale.md has the whole way.",
  ].join("\n"),
  run: runScale,
};

/** The program that PyTorch runs, beside src and dist. */
const program = fileURLToPath(new URL("../../torch/train.py", import.meta.url));
const INSTALL = "apt-get install -y python3-torch, or pip install torch";

async function runScale({ operands: [folder], flags }: Arguments): Promise<number> {
  const options = optionsOf(scaleFields, flags);
  checkRendezvous(options);
  if (runIn(folder) === undefined) throw new ConfigError(`${folder} holds no run`, ["hint     fromnoise train --out DIR begins one; it may be stopped at once"]);
  await decode(folder);
  const found = pythonWith(options.python), { missing } = found;
  const line = torchrun(folder, options, found);
  if (missing !== undefined) console.error(`missing  ${missing}\ninstall  ${INSTALL}`);
  console.log(line.map(quoted).join(" "));
  if (!options.run) return missing === undefined ? 0 : 1;
  return missing === undefined ? await execute(line) : 1;
}

/** The images as numbers, unless they are there. */
async function decode(folder: string): Promise<void> {
  const config = await withCheckpoint(fileSource(folder), async ({ path, info }) => runOf({ path, info }).training);
  const known = readDataRecord(folder);
  const { training, record } = openTrainingData(config, {}, known === undefined ? {} : { known });
  for (const change of changesOf(known, record)) console.error(`warning  ${change}`);
  if (config.previewEvery > 0 || config.boundEvery > 0) console.error("note     previews and bounds are fromnoise train's: none until the run is back here");
  const path = join(folder, DECODED);
  const progress = openProgress("image", training.count);
  try {
    const written = writeDecoded(path, { config, training, record }, (done) => progress.update(done));
    progress.stop();
    console.error(`data     ${training.describe()}, ${written ? "written to" : "already in"} ${path}`);
  } finally {
    progress.stop();
  }
}

function checkRendezvous({ nnodes, rdzv }: OptionsOf<typeof scaleFields>): void {
  if (nnodes > 1 && rdzv === undefined) throw new ConfigError("--rdzv is missing: several machines have to meet", ["pass     --rdzv HOST:29500, one of them"]);
}

/** `python3 -m torch.distributed.run` is what torchrun is, with the Python that was asked for. */
function torchrun(
  folder: string, { nproc, nnodes, rdzv, until, device, python }: OptionsOf<typeof scaleFields>, { arguments: more = [], environment = [] }: Found,
): string[] {
  const where = rdzv === undefined ? ["--standalone"] : ["--nnodes", String(nnodes), "--rdzv_backend", "c10d", "--rdzv_endpoint", rdzv, "--rdzv_id", "fromnoise"];
  return [
    ...environment, python, "-m", "torch.distributed.run", ...more, ...where, "--nproc_per_node", String(nproc), program, folder,
    ...(until === undefined ? [] : ["--until", String(until)]), ...(device === undefined ? [] : ["--device", device]),
  ];
}

interface Found {
  /** What is not there of what the line needs. */
  readonly missing?: string;
  /** Arguments without which torchrun fails. */
  readonly arguments?: readonly string[];
  /** What stands before the line: env, and variables without which numbers are wrong. */
  readonly environment?: readonly string[];
}

/**
 * What a Python has. torchrun of torch 1.13 fails on Python 3.11 (Debian's pair), where no member of an enumeration is 0 any more, unless
 * some process's output is redirected: that of process 9, which prints nothing. And without MKL its small batched products multiply
 * memory that nobody wrote by 0, which may be NaN: memory that is zero when it is given out helps.
 */
function pythonWith(python: string): Found {
  const { error, status, stdout, stderr } = spawnSync(python, ["-c", "import sys, torch; print(torch.__version__, *sys.version_info[:2], torch.backends.mkl.is_available())"], { encoding: "utf8" });
  if (error !== undefined) return { missing: `${python}: there is no such program` };
  if (status !== 0) return { missing: `${python} has no torch: ${stderr.trim().split("\n").at(-1) ?? ""}` };
  const [torch, major, minor, mkl] = stdout.trim().split(" ");
  const [torchMajor, torchMinor] = torch.split(".").map(Number);
  if (torchMajor === 1 && torchMinor < 13) return { missing: `torch from 1.13 on; ${python} has ${torch}` };
  if (Number(major) === 3 && Number(minor) < 9) return { missing: `Python from 3.9 on; ${python} is ${major}.${minor}` };
  if (torchMajor > 1) return {};
  return {
    ...(Number(minor) >= 11 ? { arguments: ["--redirects", "9:1", "--tee", "9:1"] } : {}), ...(mkl === "False" ? { environment: ["env", "MALLOC_PERTURB_=255"] } : {}),
  };
}

/** Runs the line: its exit code. A terminal's Ctrl-C reaches both programs, so that this one only waits; other signals are passed on. */
function execute([command, ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit" });
    const pass = (signal: NodeJS.Signals): void => {
      if (signal !== "SIGINT") child.kill(signal);
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, pass);
    child.on("error", reject);
    child.on("exit", (code) => {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, pass);
      resolve(code ?? 1);
    });
  });
}

/** A word as a shell reads it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
