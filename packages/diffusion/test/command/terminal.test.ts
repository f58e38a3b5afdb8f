import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expect } from "chai";
import { colouredError, colouredHelp } from "../../src/command/colours.js";
import { helpText, overview } from "../../src/command/help.js";
import { commands } from "../../src/command/main.js";
import { parseCommandLine } from "../../src/command/parse.js";
import { fromnoise } from "./fromnoise.js";

const terminal = { isTTY: true as const, hasColors: () => true };

describe("what a terminal shows", () => {
  it("examples in every help, each a command line that is understood", () => {
    for (const command of commands) {
      expect(command.examples.length, command.name).to.be.above(0);
      expect(helpText(command)).to.contain(`examples:\n  ${command.examples[0]}\n`);
      for (const example of command.examples) {
        const [program, ...argv] = example.split(" ");
        expect(program).to.equal("fromnoise");
        expect(parseCommandLine(commands, argv, ""), example).to.have.property("command", command);
      }
    }
  });

  it("colours in a terminal that has them, over the same text", async () => {
    const { err } = await fromnoise("sample", "--cont", "3");
    const error = colouredError(err, terminal);
    expect(error).to.not.equal(err);
    expect(stripVTControlCharacters(error)).to.equal(err);
    expect(error.split("\n")[0]).to.match(/^\u001b\[.*ConfigError: there is no flag --cont/);
    for (const text of [overview(commands), ...commands.map(helpText)]) {
      const help = colouredHelp(text, terminal);
      expect(help).to.not.equal(text);
      expect(stripVTControlCharacters(help)).to.equal(text);
    }
  });

  it("none in a file, a pipe, or where the terminal or NO_COLOR says no", () => {
    for (const stream of [{ isTTY: false as never, hasColors: () => true }, { isTTY: true as const, hasColors: () => false }, { isTTY: true as const }]) {
      expect(colouredError("ConfigError: x\n  hint     y", stream)).to.equal("ConfigError: x\n  hint     y");
      expect(colouredHelp("usage: x", stream)).to.equal("usage: x");
    }
  });

  it("what is allowed where a negative number is given", async () => {
    for (const argv of [["sample", "--seed", "-3"], ["sample", "--seed=-3"]]) {
      expect(await fromnoise(...argv)).to.deep.equal({ code: 2, out: "", err: 'ConfigError: --seed: "-3" is not allowed\n  allowed  whole numbers from 0' });
    }
  });
});

describe("completion", () => {
  /** What a shell's own completion gives for the words so far, the last of them begun. */
  const complete: Readonly<Record<string, (script: string, words: readonly string[]) => string[]>> = {
    bash: (script, words) => {
      const program = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fromnoise; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return spawnSync("bash", ["-c", program, "bash", script, ...words], { encoding: "utf8" }).stdout.split("\n");
    },
    fish: (script, words) => spawnSync("fish", ["-c", `source ${script}; complete -C '${words.join(" ")}'`], { encoding: "utf8" }).stdout
      .split("\n").map((line) => line.split("\t")[0]),
  };

  for (const shell of ["bash", "fish"]) {
    it(`in ${shell} knows commands, flags and their values`, async function () {
      if (spawnSync(shell, ["--version"]).status !== 0) {
        console.log(`      not run: ${shell} is not there (apt-get install -y ${shell})`);
        this.skip();
      }
      const folder = mkdtempSync(join(tmpdir(), "fromnoise-completion-"));
      try {
        const script = join(folder, `fromnoise.${shell}`);
        writeFileSync(script, (await fromnoise("completion", shell)).out);
        expect(complete[shell](script, ["fromnoise", "sam"])).to.include("sample").and.not.include("train");
        expect(complete[shell](script, ["fromnoise", "train", "--predic"])).to.include("--prediction");
        expect(complete[shell](script, ["fromnoise", "train", "--prediction", ""])).to.include.members(["eps", "x0", "v"]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  it("in zsh is a script that zsh reads", async function () {
    if (spawnSync("zsh", ["--version"]).status !== 0) {
      console.log("      not run: zsh is not there (apt-get install -y zsh)");
      this.skip();
    }
    const { out } = await fromnoise("completion", "zsh");
    const { status, stderr } = spawnSync("zsh", ["-f", "-c", `autoload -U compinit; compinit -u -D; eval "$1"; (( $+functions[_fromnoise] )) && print -r -- $_comps[fromnoise]`, "zsh", out], { encoding: "utf8" });
    expect([status, stderr]).to.deep.equal([0, ""]);
  });

  it("refuses a shell that it does not know", async () => {
    const { code, err } = await fromnoise("completion", "tcsh");
    expect([code, err.split("\n")[1]]).to.deep.equal([2, "  allowed  bash, zsh, fish"]);
  });
});
