/** Command lines, read by commander from the commands' tables; what it refuses becomes an error like all others here. */
import { Command as Parser, CommanderError, Option } from "commander";
import { ConfigError } from "@fromnoise/tensor";
import type { Flag } from "../config/flags.js";
import { usageLines, type Arguments, type Command } from "./command.js";
import { helpText, leftOf, overview } from "./help.js";

/** What a command line asks for: a command to run, or a text to print. */
export type Request = { readonly command: Command; readonly args: Arguments } | { readonly text: string };

/**
 * Reads a command line; nothing is opened or run.
 * Throws ConfigError for what no command understands: an unknown command or flag, with the one that was perhaps meant, a value that
 * is missing or not allowed, an operand too many or too few.
 */
export function parseCommandLine(commands: readonly Command[], argv: readonly string[], version: string): Request {
  const words = argv[0] === "help" ? [...argv.slice(1), "--help"] : argv;
  if (words[0] === "--help" || words[0] === "-h") return { text: overview(commands) };
  const printed: string[] = [];
  const found: Request[] = [];
  const program = new Parser("fromnoise").helpCommand(false).version(version).exitOverride()
    .configureOutput({ writeOut: (text) => void printed.push(text), writeErr: () => undefined });
  for (const command of commands) {
    const parser = program.command(command.name).configureHelp({ formatHelp: () => helpText(command) });
    for (const operand of command.operands) parser.argument(operand);
    for (const flag of command.flags) for (const option of optionsOf(flag, command)) parser.addOption(option);
    parser.exitOverride((error) => { throw refusal(error, parser, command); });
    parser.action(() => void found.push({ command, args: argumentsOf(parser, command) }));
  }
  program.helpOption(false);                                          // of the program itself; its commands have theirs by now
  try {
    program.parse(words, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw unknownCommand(error, words[0], commands);
  }
  return found[0] ?? { text: printed.join("").trimEnd() };
}

/** A switch is two options, --flip and --no-flip. A flag of several tables is one option. */
function optionsOf(flag: Flag, { flags }: Command): Option[] {
  if (flags.find(({ name }) => name === flag.name) !== flag) return [];
  if (flag.field.kind.placeholder === undefined) return [new Option(`--${flag.name}`), new Option(`--no-${flag.name}`)];
  return [new Option(`--${flag.name} <value>`).argParser((text) => valueOf(flag, text, flags))];
}

/**
 * Throws ConfigError for a text that the flag's kind does not allow, or that is itself a flag, as when a value was forgotten. A flag of
 * several tables takes what one of them allows; whose turn it is, is known later.
 */
function valueOf({ name, field: { kind } }: Flag, text: string, flags: readonly Flag[]): unknown {
  if (flags.some((other) => text === `--${other.name}`)) {
    throw new ConfigError(`--${name} has no value`, [`got      ${text}, which is a flag`, `allowed  ${kind.allowed}`]);
  }
  const kinds = flags.filter((flag) => flag.name === name).map((flag) => flag.field.kind);
  const fitting = kinds.find((one) => one.fits(one.parse!(text)));
  if (fitting === undefined) throw new ConfigError(`--${name}: ${JSON.stringify(text)} is not allowed`, [`allowed  ${kind.allowed}`]);
  const value = fitting.parse!(text);
  fitting.refuse?.(value);
  return value;
}

function argumentsOf(parser: Parser, { flags }: Command): Arguments {
  const given = parser.opts<Record<string, unknown>>();
  const attribute = ({ name }: Flag): string => new Option(`--${name}`).attributeName();
  return {
    operands: parser.args,
    flags: new Map(flags.flatMap((flag) => (Object.hasOwn(given, attribute(flag)) ? [[flag.name, given[attribute(flag)]]] : []))),
  };
}

/** What a command's parser refuses, in our words; what it says only to end, such as after --help, stays as it is. */
function refusal(error: CommanderError, parser: Parser, command: Command): CommanderError | ConfigError {
  const [, option = ""] = /'([^\s'=]+)/.exec(error.message) ?? [];
  const refuse = (summary: string, ...hints: string[]): ConfigError => new ConfigError(summary, [...hints, ...usageLines(command)]);
  switch (error.code) {
    case "commander.unknownOption":
      if (command.flags.some(({ name }) => option === `--${name}`)) return refuse(`${option} takes no value`);
      return refuse(`there is no flag ${option}`, ...renamed(option, command) ?? suggestion(error));
    case "commander.optionMissingArgument": {
      const flag = command.flags.find(({ name }) => option === `--${name}`)!;
      return refuse(`${leftOf(flag)}: the value is missing`, `allowed  ${flag.field.kind.allowed}`);
    }
    case "commander.excessArguments": return refuse(`unexpected argument "${parser.args[command.operands.length]}"`);
    case "commander.missingArgument": return refuse("an argument is missing");
    default: return error;
  }
}

function unknownCommand(error: CommanderError, name: string, commands: readonly Command[]): ConfigError {
  const allowed = commands.map((command) => command.name).join(", ");
  return new ConfigError(`there is no command "${name}"`, [`allowed  ${allowed}`, ...suggestion(error)]);
}

/** Commander's guess at what was meant. */
function suggestion({ message }: CommanderError): string[] {
  const [, meant] = /\(Did you mean (.*)\?\)/.exec(message) ?? [];
  return meant === undefined ? [] : [`hint     did you mean ${meant}?`];
}

/** The flag's name of today where an earlier one was given. */
function renamed(option: string, { flags }: Command): string[] | undefined {
  const [, no = "", old = ""] = /^--(no-)?(.*)$/.exec(option) ?? [];
  const flag = flags.find(({ was }) => was === old);
  return flag && [`now      --${no}${flag.name}`];
}
