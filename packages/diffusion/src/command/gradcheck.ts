import {
  ConfigError, formatGradcheck, gradcheck, gradcheckCases, type GradcheckCase, type GradcheckOptions, type GradcheckReport,
} from "@fromnoise/tensor";
import { layerGradcheckCases, networkGradcheckCases } from "@fromnoise/nn";
import { expectPositionals, withDevice, type Arguments, type Command } from "./options.js";

export const gradcheckCommand: Command = {
  name: "gradcheck",
  summary: "check every hand-derived backward against finite differences in f64",
  usage: "fromnoise gradcheck [flags]",
  flags: [
    { name: "only", kind: "text", value: "TEXT", help: "only the checks whose name contains it, such as conv2d or UNet" },
    { name: "rtol", kind: "number", value: "X", help: "relative tolerance", default: "1e-6" },
    { name: "details", kind: "boolean", help: "a line for every input, with its worst element" },
    { name: "list", kind: "boolean", help: "print the names of the checks and stop" },
  ],
  notes: "Ops and layers are checked element by element, whole U-Nets along random directions. Exit code 1 when a check fails.",
  run: runGradcheck,
};

type Check = GradcheckCase & { mode?: GradcheckOptions["mode"]; title: string };

async function runGradcheck(args: Arguments): Promise<number> {
  expectPositionals(gradcheckCommand, args, 0, 0);
  const { flags } = args;
  const only = (flags["only"] as string | undefined) ?? "";
  const checks: Check[] = [...gradcheckCases, ...layerGradcheckCases, ...networkGradcheckCases]
    .map((check) => ({ ...check, title: `${check.op} ${check.name}` }))
    .filter(({ title }) => title.toLowerCase().includes(only.toLowerCase()));
  if (checks.length === 0) {
    throw new ConfigError(`--only: no check has "${only}" in its name`, ["fromnoise gradcheck --list shows the names"]);
  }
  if (flags["list"] === true) {
    for (const { title } of checks) console.log(title);
    return 0;
  }
  const failed = await runChecks(checks, (flags["rtol"] as number | undefined) ?? 1e-6, flags["details"] === true);
  console.log(
    failed === 0 ? `${checks.length} of ${checks.length} checks passed` : `${failed} of ${checks.length} checks FAILED`,
  );
  return failed === 0 ? 0 : 1;
}

/** Prints a line for each check, with details where it fails; returns how many fail. */
function runChecks(checks: readonly Check[], rtol: number, details: boolean): Promise<number> {
  const width = Math.max(...checks.map(({ title }) => title.length));
  return withDevice("reference", async (device) => {
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
