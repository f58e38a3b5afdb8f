/**
 * `npm run test:scale`: runs that go on under PyTorch and come back, against runs that stay here. Installs nothing; without PyTorch it
 * says how to get it, and fails where CI or REQUIRE=scale asks for it.
 *
 *   npm run test:scale              everything, in about six minutes
 *   npm run test:scale -- --only digits-f64,kills      some of it: draws, refusals, digits-f64, folder-f64, digits-f32, folder-f32,
 *                                    hybrid-f64, hybrid-f32, vlb-f64, vlb-f32, kills, locks
 *   npm run test:scale -- --time    instead the times of a step on 1 and 2 processes, on an otherwise idle machine; --only digits-16 of one recipe
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkRun } from "../packages/diffusion/src/train/node/check-run.js";
import { drawsAreTheSame, refusals } from "./parts.js";
import { killed, locked } from "./kills.js";
import { ALL, copied, folder, kinds, lossError, ours, positionOf, tensorError, THERE, type Kind } from "./runs.js";
import { scaling } from "./scaling.js";
import { missingTorch, torch } from "./torch.js";

/** Largest relative differences that are allowed, of losses and of parameters. */
const TOLERANCES = { f64: { loss: 1e-12, parameters: 1e-9 }, f32: { loss: 1e-5, parameters: 1e-4 } } as const;
const failed: string[] = [];

function hold(what: string, holds: boolean, measured: string): void {
  console.log(`${holds ? "held  " : "FAILED"}  ${what}: ${measured}`);
  if (!holds) failed.push(what);
}

async function compare(what: string, kind: Kind, [a, b]: readonly [string, string], from: number, to: number): Promise<void> {
  const allowed = TOLERANCES[kind.input.dtype!];
  const loss = lossError(a, b, from, to);
  hold(`${what}, losses of steps ${from + 1} to ${to}`, loss <= allowed.loss, `${loss.toExponential(1)}, allowed ${allowed.loss}`);
  for (const [group, prefix] of [["parameters", /^model\./], ["averages", /^(ema|average)/]] as const) {
    const { error, name } = await tensorError(a, b, to, prefix);
    hold(`${what}, ${group} after step ${to}`, error <= allowed.parameters, `${error.toExponential(1)} (${name}), allowed ${allowed.parameters}`);
  }
}

async function roundTrips(kind: Kind): Promise<void> {
  const begun = join(folder, `${kind.name} begun`), whole = join(folder, `${kind.name} whole`);
  await ours(begun, 0, kind.input);
  await ours(whole, ALL, kind.input);
  for (const processes of kind.processes) {
    const run = copied(begun, `${kind.name} ${processes}`);
    await torch(run, processes, THERE);
    await compare(`${kind.name}, ${processes} there`, kind, [whole, run], 0, THERE);
    await ours(run, ALL);
    await compare(`${kind.name}, ${processes} there and back`, kind, [whole, run], THERE, ALL);
    const same = await positionOf(run) === await positionOf(whole);
    hold(`${kind.name}, ${processes} there and back, position`, same, same ? "the same" : "another");
    const broken = (await checkRun(run)).filter(({ problem }) => problem !== undefined);
    hold(`${kind.name}, ${processes}, files`, broken.length === 0, `${broken.length} broken`);
  }
}

async function all(only?: string): Promise<void> {
  const [digits64, folder64, digits32, folder32, hybrid64, vlb64, hybrid32, vlb32] = kinds();
  const parts: Readonly<Record<string, () => unknown>> = {
    "draws": () => drawsAreTheSame(hold), "refusals": () => refusals(hold),
    "digits-f64": () => roundTrips(digits64), "folder-f64": () => roundTrips(folder64),
    "digits-f32": () => roundTrips(digits32), "folder-f32": () => roundTrips(folder32),
    "hybrid-f64": () => roundTrips(hybrid64), "vlb-f64": () => roundTrips(vlb64), "hybrid-f32": () => roundTrips(hybrid32), "vlb-f32": () => roundTrips(vlb32),
    "kills": () => killed(hold, digits32), "locks": () => locked(hold, digits32),
  };
  for (const name of only?.split(",") ?? Object.keys(parts)) {
    const began = performance.now();
    await parts[name]();
    console.log(`        ${name} took ${Math.round((performance.now() - began) / 1000)} s`);
  }
}

const missing = missingTorch();
if (missing !== undefined) {
  const needed = process.env["CI"] !== undefined || (process.env["REQUIRE"] ?? "").split(",").includes("scale");
  console.log(`${needed ? "FAILED" : "skipped"}  PyTorch is missing (${missing})\nset-up  apt-get install -y python3-torch`);
  process.exitCode = needed ? 1 : 0;
} else {
  try {
    const { values: { only, time } } = parseArgs({ options: { only: { type: "string" }, time: { type: "boolean", default: false } } });
    await (time ? scaling(only) : all(only));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (failed.length > 0) console.log(`${failed.length} failed: ${failed.join("; ")}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
