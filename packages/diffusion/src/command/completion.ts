/** `fromnoise completion SHELL`: a script by which a shell completes command lines, made of the commands' own tables. */
import { ConfigError } from "@fromnoise/tensor";
import { usageLines, type Command } from "./command.js";

/** What a shell needs to know of a flag. A flag of several tables is one, with the choices of all. */
interface Known { readonly name: string; readonly takesValue: boolean; readonly choices: readonly string[]; readonly help: string }

function knownFlags({ flags }: Command): Known[] {
  return [...new Set(flags.map(({ name }) => name))].map((name) => {
    const same = flags.filter((flag) => flag.name === name).map(({ field }) => field);
    return {
      name, takesValue: same[0].kind.placeholder !== undefined, choices: [...new Set(same.flatMap(({ kind }) => kind.choices ?? []))], help: same[0].help,
    };
  });
}

/** Names of flags as they are typed: a switch has two. */
const typed = ({ name, takesValue }: Known): string[] => (takesValue ? [`--${name}`] : [`--${name}`, `--no-${name}`]);

/** A text in single quotes of a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function bash(commands: readonly Command[]): string {
  const values = commands.flatMap((command) => knownFlags(command).filter(({ choices }) => choices.length > 0).map(({ name, choices }) => (
    `    ${quoted(`${command.name} --${name}`)}) COMPREPLY=($(compgen -W ${quoted(choices.join(" "))} -- "$cur")); return ;;`
  )));
  const flags = commands.map((command) => (
    `    ${command.name}) COMPREPLY=($(compgen -W ${quoted([...knownFlags(command).flatMap(typed), "--help"].join(" "))} -- "$cur")) ;;`
  ));
  return [
    "_fromnoise() {", '  local cur="${COMP_WORDS[COMP_CWORD]}" command="${COMP_WORDS[1]}" prev="${COMP_WORDS[COMP_CWORD-1]}"', "  COMPREPLY=()",
    '  if [ "$COMP_CWORD" -eq 1 ]; then', `    COMPREPLY=($(compgen -W ${quoted([...commands.map(({ name }) => name), "help", "--help", "--version"].join(" "))} -- "$cur"))`, "    return", "  fi",
    '  case "$command $prev" in', ...values, "  esac", '  if [[ "$cur" != -* ]]; then COMPREPLY=($(compgen -f -- "$cur")); return; fi',
    '  case "$command" in', ...flags, "  esac", "}", "complete -o filenames -F _fromnoise fromnoise",
  ].join("\n");
}

function zsh(commands: readonly Command[]): string {
  const text = (help: string): string => help.replaceAll(/[\\[\]:]/g, "\\$&");
  const spec = (flag: Known): string[] => typed(flag).map((name) => {
    const value = !flag.takesValue ? "" : flag.choices.length > 0 ? `:value:(${flag.choices.join(" ")})` : ":value:_files";
    return quoted(`${name}[${text(flag.help)}]${value}`);
  });
  return [
    "#compdef fromnoise", "_fromnoise() {", "  local -a commands", `  commands=(${commands.map(({ name, summary }) => quoted(`${name}:${text(summary)}`)).join(" ")})`,
    "  if (( CURRENT == 2 )); then _describe command commands; return; fi", "  local command=$words[2]", "  shift words; (( CURRENT-- ))", '  case "$command" in',
    ...commands.map((command) => `    ${command.name}) _arguments ${knownFlags(command).flatMap(spec).join(" ")} '--help' '*:file:_files' ;;`),
    "  esac", "}", "compdef _fromnoise fromnoise",
  ].join("\n");
}

function fish(commands: readonly Command[]): string {
  const escaped = (text: string): string => `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
  return [
    ...commands.map(({ name, summary }) => `complete -c fromnoise -n __fish_use_subcommand -f -a ${name} -d ${escaped(summary)}`),
    ...commands.flatMap((command) => knownFlags(command).flatMap((flag) => typed(flag).map((name) => [
      `complete -c fromnoise -n '__fish_seen_subcommand_from ${command.name}' -l ${name.slice(2)}`, ...(flag.takesValue ? ["-r"] : []),
      ...(flag.choices.length > 0 ? ["-f", "-a", escaped(flag.choices.join(" "))] : []), "-d", escaped(flag.help),
    ].join(" ")))),
  ].join("\n");
}

const scripts: Readonly<Record<string, (commands: readonly Command[]) => string>> = { bash, zsh, fish };
const shells = Object.keys(scripts).join(", ");

/** The command; `all` gives the commands that it completes, itself among them. */
export function completionOf(all: () => readonly Command[]): Command {
  const completion: Command = {
    name: "completion",
    summary: `print a script by which a shell completes commands, flags and their values: ${shells}`,
    usage: "fromnoise completion SHELL",
    examples: ["fromnoise completion bash", "fromnoise completion zsh", "fromnoise completion fish"],
    operands: ["<shell>"],
    flags: [],
    notes: [
      'bash: eval "$(fromnoise completion bash)" in ~/.bashrc', 'zsh:  eval "$(fromnoise completion zsh)" in ~/.zshrc, after compinit',
      "fish: fromnoise completion fish > ~/.config/fish/completions/fromnoise.fish",
    ].join("\n"),
    run({ operands: [shell] }) {
      if (!Object.hasOwn(scripts, shell)) throw new ConfigError(`completion: ${JSON.stringify(shell)} is not a shell known here`, [`allowed  ${shells}`, ...usageLines(completion)]);
      console.log(scripts[shell](all()));
      return Promise.resolve(0);
    },
  };
  return completion;
}
