/** The `fromnoise` command: picks the sub-command, turns errors into a few lines and an exit code. */
import { ConfigError, FromnoiseError } from "@fromnoise/tensor";
import { demo } from "./demo.js";
import { exportCommand, importCommand } from "./exchange.js";
import { gradcheckCommand } from "./gradcheck.js";
import { inspect } from "./inspect.js";
import { helpText, parseFlags, type Command } from "./options.js";
import { sample } from "./sample.js";
import { train } from "./train.js";
import { verify } from "./verify.js";

export const commands: readonly Command[] = [
  train, sample, inspect, gradcheckCommand, verify, exportCommand, importCommand, demo,
];

function overview(): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    "fromnoise: denoising diffusion from scratch", "", "usage: fromnoise COMMAND [flags]", "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "", "fromnoise COMMAND --help shows a command's flags.",
    "FROMNOISE_REVECTORIZE=1 computes with V8's revectorizer (Node 24, x86-64) wherever a command opens the wasm device.",
  ].join("\n");
}

/** Runs the command line and gives the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export async function main(argv: readonly string[]): Promise<number> {
  if (!process.stdout.listeners("error").includes(endQuietly)) process.stdout.on("error", endQuietly);
  const [name, ...rest] = argv;
  const asksHelp = (arg: string): boolean => arg === "--help" || arg === "-h";
  try {
    if (name === undefined || asksHelp(name) || (name === "help" && rest.length === 0)) {
      console.log(overview());
      return name === undefined ? 2 : 0;
    }
    if (name === "help" || rest.some(asksHelp)) {
      console.log(helpText(find(name === "help" ? rest[0] : name)));
      return 0;
    }
    const command = find(name);
    return await command.run(parseFlags(command, rest));
  } catch (error) {
    return report(error);
  }
}

function find(name: string): Command {
  const command = commands.find((c) => c.name === name);
  if (command === undefined) {
    throw new ConfigError(`there is no command "${name}"`, [`allowed  ${commands.map((c) => c.name).join(", ")}`]);
  }
  return command;
}

/** A reader such as `head` has enough. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
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
