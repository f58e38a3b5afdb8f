/** The `fromnoise` command: runs what the command line asks for, and turns errors into a few lines and an exit code. */
import { fileURLToPath } from "node:url";
import { ConfigError, FromnoiseError } from "@fromnoise/tensor";
import { readJson } from "../models/node/files.js";
import type { Command } from "./command.js";
import { check } from "./check.js";
import { completionOf } from "./completion.js";
import { demo } from "./demo.js";
import { doctor } from "./doctor.js";
import { ema } from "./ema.js";
import { evaluate } from "./evaluate.js";
import { exportCommand, importCommand } from "./exchange.js";
import { features } from "./features.js";
import { gradcheckCommand } from "./gradcheck.js";
import { overview } from "./help.js";
import { printOnlyPrintable, watchOutput } from "./output.js";
import { inspect } from "./inspect.js";
import { join } from "./join.js";
import { likelihood } from "./likelihood.js";
import { parseCommandLine } from "./parse.js";
import { sample } from "./sample.js";
import { scale } from "./scale.js";
import { train } from "./train.js";
import { verify } from "./verify.js";

export const commands: readonly Command[] = [
  train, scale, sample, join, ema, likelihood, evaluate, features, doctor, check, inspect, gradcheckCommand, verify, exportCommand, importCommand, demo,
  completionOf(() => commands),
];

/** Runs the command line and gives the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export async function main(argv: readonly string[]): Promise<number> {
  watchOutput();
  const { restore, printHelp } = printOnlyPrintable();
  try {
    if (argv.length === 0) {
      printHelp(overview(commands));
      return 2;
    }
    const request = parseCommandLine(commands, argv, version());
    if ("command" in request) return await request.command.run(request.args);
    printHelp(request.text);
    return 0;
  } catch (error) {
    return report(error);
  } finally {
    restore();
  }
}

function version(): string {
  return readJson(fileURLToPath(new URL("../../package.json", import.meta.url)))["version"] as string;
}

/** Prints an error as its own few lines; a stack trace is for developers (FROMNOISE_DEBUG >= 1). */
function report(error: unknown): number {
  const known = error instanceof FromnoiseError;
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  console.error(`${name}: ${message}`);
  if (Number(process.env["FROMNOISE_DEBUG"] ?? 0) >= 1) console.error(stack);
  else if (!known) console.error("  This was not expected; FROMNOISE_DEBUG=1 shows where it came from.");
  return error instanceof ConfigError ? 2 : 1;
}
