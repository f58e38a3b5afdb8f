import { expect } from "chai";
import { readFileSync } from "node:fs";
import { openDeviceSpec, tensor, type Device, type DType, type Tensor } from "@fromnoise/tensor";
import { wasmDevices } from "../../../tensor/test/backends/wasm/builds.js";
import { ancestralStep, convertPrediction, ddimStep, makeSchedule, predictionTarget, qSample, type ScheduleName, type SamplerStep } from "../../src/index.js";

interface GoldenStep {
  t: number; x_t: number[]; eps_hat: number[]; x0_hat_clipped: number[]; mean: number[];
  ancestral_fixedsmall: number[]; ancestral_fixedlarge: number[]; ddim_t_next: number; ddim: Record<string, number[]>; v: number[];
}
interface Golden { T: number; x0: number[]; eps: number[]; z: number[]; steps: GoldenStep[] }

const file = new URL("../golden/diffusion.json", import.meta.url);
const golden = JSON.parse(readFileSync(file, "utf8")) as Record<string, Golden>;
const names: Record<string, ScheduleName> = { linear: "scaled-linear", cosine: "cosine", sigmoid: "sigmoid" };

/**
 * What numbers near 1 may be off by: the file's inputs have 12 digits, those of f32 seven. Where x0 is recovered from x_t this is
 * divided by sqrt(alphaBar_t).
 */
const ROUNDING: Readonly<Record<DType, number>> = { f64: 5e-12, f32: 5e-7 };

for (const [spec, build, dtype] of [
  ["reference", "f64", "f64"], ["reference", "f32", "f32"], ...wasmDevices.map(([name, b]) => [name, b, "f32"] as const),
] as const) {
  describe(`diffusion against golden numbers: ${spec}, ${build}`, () => {
    let device: Device;
    before(async () => (device = await openDeviceSpec(spec)));
    after(() => device.dispose());

    const vector = (values: readonly number[]): Tensor => tensor([...values], { device, dtype, shape: [1, values.length] });
    const next = async ({ posteriorMean, sigma }: SamplerStep, z: readonly number[]): Promise<number[]> =>
      Array.from(await posteriorMean.data(), (m, i) => m + sigma * z[i]);
    const expectClose = (actual: ArrayLike<number>, expected: readonly number[], sqrtAlphaBar = 1): void => {
      expect(actual.length).to.equal(expected.length);
      expected.forEach((value, i) => expect(actual[i]).to.be.closeTo(value, ROUNDING[dtype] * (1 + 1 / sqrtAlphaBar)));
    };

    for (const [name, { T, x0, eps, z, steps }] of Object.entries(golden)) {
      const schedule = makeSchedule({ name: names[name], timesteps: T });
      for (const step of steps) {
        it(`${name}, t = ${step.t}: q-sample, v, ancestral and DDIM steps are those of PyTorch`, async () => {
          const { t } = step;
          const c = schedule.sqrtAlphaBar[t];
          const xT = qSample(schedule, vector(x0), t, vector(eps));
          expectClose(await xT.data(), step.x_t);
          expectClose(await predictionTarget(schedule, vector(x0), vector(eps), t, "v").data(), step.v);
          const own = dtype === "f64" ? 1 : c;                              // x_t is our own here: in f64 it has no rounding to speak of
          expectClose(await convertPrediction(schedule, vector(eps), xT, t, "eps", "v").data(), step.v, own);

          const model = (): Tensor => vector(step.eps_hat);
          const small = ancestralStep(model, schedule, xT, t);
          expectClose(await small.x0.data(), step.x0_hat_clipped, c);
          expectClose(await small.posteriorMean.data(), step.mean, c);
          expectClose(await next(small, z), step.ancestral_fixedsmall, c);
          const large = ancestralStep(model, schedule, xT, t, { variance: "fixed-large" });
          expectClose(await next(large, z), step.ancestral_fixedlarge, c);
          for (const [eta, expected] of Object.entries(step.ddim)) {
            expectClose(await next(ddimStep(model, schedule, xT, t, step.ddim_t_next, { eta: Number(eta) }), z), expected, c);
          }
        });
      }
    }
  });
}
