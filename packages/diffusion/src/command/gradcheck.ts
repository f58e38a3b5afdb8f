import {
  ConfigError, formatGradcheck, gradcheck, gradcheckCases, type GradcheckCase, type GradcheckOptions, type GradcheckReport,
} from "@fromnoise/tensor";
import { layerGradcheckCases, networkGradcheckCases } from "@fromnoise/nn";
import { field, optional } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import { flag, number, text } from "@fromnoise/nn/kinds";
import { withDevice, type Arguments, type Command } from "./command.js";

const gradcheckFields = {
  only: optional(text, "only the checks whose name contains it, such as conv2d or UNet", { value: "TEXT" }),
  rtol: field(number({ from: 0 }), 1e-6, "relative tolerance"),
  details: field(flag, false, "a line for every input, with its worst element"),
  list: field(flag, false, "print the names of the checks and stop"),
};

export const gradcheckCommand: Command = {
  name: "gradcheck",
  summary: "check every hand-derived backward against finite differences in f64",
  usage: "fromnoise gradcheck [flags]",
  examples: [
    "fromnoise gradcheck",
    "fromnoise gradcheck --only conv2d --details",
  ],
  operands: [],
  flags: flagsOf(gradcheckFields),
  notes: "Ops and layers are checked element by element, whole U-Nets along random directions. Exit code 1 when a check fails.",
  run: runGradcheck,
};

type Check = GradcheckCase & { mode?: GradcheckOptions["mode"]; title: string };

async function runGradcheck({ flags }: Arguments): Promise<number> {
  const { only = "", rtol, details, list } = optionsOf(gradcheckFields, flags);
  const checks: Check[] = [...gradcheckCases, ...layerGradcheckCases, ...networkGradcheckCases]
    .map((check) => ({ ...check, title: `${check.op} ${check.name}` }))
    .filter(({ title }) => title.toLowerCase().includes(only.toLowerCase()));
  if (checks.length === 0) {
    throw new ConfigError(`--only: no check has "${only}" in its name`, ["fromnoise gradcheck --list shows the names"]);
  }
  if (list) {
    for (const { title } of checks) console.log(title);
    return 0;
  }
  const failed = await runChecks(checks, rtol, details);
  console.log(
    failed === 0 ? `${checks.length} of ${checks.length} checks passed` : `${failed} of ${checks.length} checks FAILED`,
  );
  return failed === 0 ? 0 : 1;
}

/** Prints a line for each check, with details where it fails; returns how many fail. */
function runChecks(checks: readonly Check[], rtol: number, details: boolean): Promise<number> {
  const width = Math.max(...checks.map(({ title }) => title.length));
  return withDevice("reference", false, async (device) => {
    let failed = 0;
    console.log(`${"check".padEnd(width)}  inputs  compared   max abs   max rel  norm rel`);
    for (const { title, build, mode = "full" } of checks) {
      const setup = build(device, 1);
      const report = await gradcheck(setup, setup.inputs, { mode, rtol });
      for (const t of Object.values(setup.inputs)) t.dispose();
      if (!report.pass) failed++;
      console.log(`${title.padEnd(width)}  ${summary(report)}`);
      if (details || !report.pass) console.log(`${formatGradcheck(report)}\n`);
    }
    return failed;
  });
}

function summary({ inputs, pass }: GradcheckReport): string {
  const worst = (pick: (input: GradcheckReport["inputs"][number]) => number): string =>
    Math.max(...inputs.map(pick)).toExponential(1).padStart(8);
  const compared = inputs.reduce((sum, { checked }) => sum + checked, 0);
  return [
    String(inputs.length).padStart(6), String(compared).padStart(8), worst((i) => i.maxAbs), worst((i) => i.maxRel),
    worst((i) => i.normRel), pass ? "ok" : "WRONG",
  ].join("  ");
}
