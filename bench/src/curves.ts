/** `bench curves`: the loss of one training run, device by device, beside the noise between seeds. */
import { writeFileSync } from "node:fs";
import { curveConfig, readCurves, trainCurve, writeCurves, type CurveRun } from "./curve-runs.js";
import { compareCurves, curvesPage, formatCurves, withinNoise } from "./curve-report.js";

export interface CurvesOptions {
  /** Device strings; the first one is what the others are compared with. */
  devices: readonly string[];
  steps: number;
  /** Runs of the first device, by seed 0, 1, ...; the other devices run seed 0. */
  seeds: number;
  json?: string;
  html?: string;
}

/**
 * Trains where the file has no run yet, so that devices can be run one by one, and compares all runs, those named first. Returns 1
 * where the devices differ by more than seeds do, or where nothing was compared.
 */
export async function curvesCommand({ devices, steps, seeds, json, html }: CurvesOptions): Promise<number> {
  const config = curveConfig(steps);
  const curves = readCurves(json, config);
  const wanted = devices.flatMap((device, i) => Array.from({ length: i === 0 ? seeds : 1 }, (_, seed) => ({ device, seed })));
  for (const { device, seed } of wanted) {
    if (curves.runs.some((run) => run.device === device && run.seed === seed)) continue;
    console.error(`${device}, seed ${seed}`);
    curves.runs.push(await trainCurve(config, device, seed, (step, loss) => {
      if (step % 50 === 0) console.error(`  step ${step}, loss ${loss.toFixed(4)}`);
    }));
    if (json !== undefined) writeCurves(json, curves);
  }
  const place = ({ device }: CurveRun): number => (devices.includes(device) ? devices.indexOf(device) : devices.length);
  const sorted = { ...curves, runs: [...curves.runs].sort((a, b) => place(a) - place(b)) };
  if (html !== undefined) writeFileSync(html, curvesPage(sorted));
  console.log(formatCurves(sorted));
  const report = compareCurves(sorted);
  return report.devices.length > 0 && withinNoise(report) ? 0 : 1;
}
