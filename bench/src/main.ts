/** `npm run bench`: see `usage`. Exit codes: 0 done, 1 failed or something is slower, 2 wrong usage, 130 interrupted. */
import { ConfigError, FromnoiseError } from "@fromnoise/tensor";
import { compareCommand } from "./compare.js";
import { curvesCommand } from "./curves.js";
import { guardCommand } from "./guard.js";
import { benchNames } from "./bench.js";
import { casesOf, titleOf } from "./cases.js";
import { hogCommand } from "./hog.js";
import { profileCommand } from "./profile.js";
import { parseCommand, usage, type Command } from "./options.js";
import { keepReferences } from "./reference.js";
import { runCommand } from "./run.js";
import { pageCommand } from "./side-by-side.js";

async function main(): Promise<number> {
  let command: Command;
  try {
    command = parseCommand(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof FromnoiseError)) throw error;
    console.error(error.message);
    return 2;
  }
  switch (command.name) {
    case "help":
      console.log(usage);
      return 0;
    case "run":
      return runCommand(command.options);
    case "compare":
      return compareCommand(command.a, command.b, command.threshold);
    case "curves":
      return curvesCommand(command.options);
    case "hog":
      return hogCommand(command.options);
    case "guard":
      return guardCommand(command.update);
    case "profile":
      return profileCommand(command.device, command.batch);
    case "page":
      return pageCommand(command.options);
    case "reference":
      await keepReferences(casesOf(benchNames, false), (c) => console.error(`${c.bench} ${titleOf(c)}`));
      return 0;
  }
}

try {
  process.exit(await main());
} catch (error) {
  console.error(error instanceof FromnoiseError ? error.message : error);
  process.exit(error instanceof ConfigError ? 2 : 1);
}
