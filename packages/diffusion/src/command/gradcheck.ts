import { ConfigError, formatGradcheck, gradcheck, gradcheckCases, openDevice, type GradcheckReport } from "@fromnoise/tensor";
import { layerGradcheckCases, unetGradcheckCases } from "@fromnoise/nn";
import { expectPositionals, type Arguments, type Command } from "./options.js";

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
  notes: "Ops and layers are checked element by element, the whole U-Net along random directions. Exit code 1 when a check fails.",
  run: runGradcheck,
};

async function runGradcheck(args: Arguments): Promise<number> {
  expectPositionals(gradcheckCommand, args, 0, 0);
  const only = (args.flags["only"] as string | undefined) ?? "";
  const rtol = (args.flags["rtol"] as number | undefined) ?? 1e-6;
  const opCases = gradcheckCases.map((check) => ({ ...check, mode: "full" as const }));
  const cases = [...opCases, ...layerGradcheckCases, ...unetGradcheckCases]
    .map((check) => ({ ...check, title: `${check.op} ${check.name}` }))
    .filter(({ title }) => title.toLowerCase().includes(only.toLowerCase()));
  if (cases.length === 0) throw new ConfigError(`--only: no check has "${only}" in its name`, ["fromnoise gradcheck --list shows the names"]);
  if (args.flags["list"] === true) {
    for (const { title } of cases) console.log(title);
    return 0;
  }
  const device = await openDevice("reference");
  const width = Math.max(...cases.map(({ title }) => title.length));
  console.log(`${"check".padEnd(width)}  inputs  compared   max abs   max rel  norm rel`);
  let failed = 0;
  for (const { title, build, mode } of cases) {
    const setup = build(device, 1);
    const report = await gradcheck(setup, setup.inputs, { mode, rtol });
    for (const t of Object.values(setup.inputs)) t.dispose();
    if (!report.pass) failed++;
    console.log(`${title.padEnd(width)}  ${summary(report)}`);
    if (args.flags["details"] === true || !report.pass) console.log(formatGradcheck(report));
  }
  console.log(failed === 0 ? `all ${cases.length} checks passed` : `${failed} of ${cases.length} checks FAILED`);
  return failed === 0 ? 0 : 1;
}

function summary({ inputs, pass }: GradcheckReport): string {
  const worst = (pick: (input: GradcheckReport["inputs"][number]) => number): string => Math.max(...inputs.map(pick)).toExponential(1).padStart(8);
  const compared = inputs.reduce((sum, { checked }) => sum + checked, 0);
  return `${String(inputs.length).padStart(6)}  ${String(compared).padStart(8)}  ${worst((i) => i.maxAbs)}  ${worst((i) => i.maxRel)}  ${worst((i) => i.normRel)}  ${pass ? "ok" : "WRONG"}`;
}
