/** `check`: whether a run's folder is whole, file by file. */
import { field } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import { flag } from "@fromnoise/nn/kinds";
import { checkRun } from "../train/node/check-run.js";
import type { Arguments, Command } from "./command.js";

const checkFields = { json: field(flag, false, "print [{file, found, problem?}]") };

export const check: Command = {
  name: "check",
  summary: "read a run's folder through and tell which files are whole",
  usage: "fromnoise check RUN [flags]",
  examples: [
    "fromnoise check runs/digits",
  ],
  operands: ["<run>"],
  flags: flagsOf(checkFields),
  notes: "Every tensor of every checkpoint is compared with its digest. Exit code 1 where a file is broken; nothing is changed.",
  run: runCheck,
};

async function runCheck({ operands: [folder], flags }: Arguments): Promise<number> {
  const { json } = optionsOf(checkFields, flags);
  const files = await checkRun(folder);
  const broken = files.filter(({ problem }) => problem !== undefined);
  if (json) {
    console.log(JSON.stringify(files.map(({ problem, ...file }) => (problem === undefined ? file : { ...file, problem: problem.message })), null, 2));
  } else {
    const width = Math.max(...files.map(({ file }) => file.length));
    for (const { file, found, problem } of files) console.log(`${file.padEnd(width)}  ${problem === undefined ? `whole   ${found}` : "broken"}`);
    for (const { problem } of broken) console.error(`${problem!.name}: ${problem!.message}`);
  }
  return broken.length === 0 ? 0 : 1;
}
