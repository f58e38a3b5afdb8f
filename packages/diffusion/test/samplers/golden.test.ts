import { expect } from "chai";
import { readFileSync } from "node:fs";
import { openDevice, tensor, type Device, type DType, type Tensor } from "@fromnoise/tensor";
import { wasmDevices } from "../../../tensor/test/backends/wasm/builds.js";
import {
  ancestral, clipped, convertPrediction, ddim, discreteProcess, predictionTarget, predictions, qSample, rawDenoiser,
  type ScheduleName,
} from "../../src/index.js";
import { saying, takeStep } from "./stepping.js";

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
    before(async () => (device = await openDevice(spec)));
    after(() => device.dispose());

    const vector = (values: readonly number[]): Tensor => tensor([...values], { device, dtype, shape: [1, values.length] });
    const expectClose = (actual: ArrayLike<number>, expected: readonly number[], sqrtAlphaBar = 1): void => {
      expect(actual.length).to.equal(expected.length);
      expected.forEach((value, i) => expect(actual[i]).to.be.closeTo(value, ROUNDING[dtype] * (1 + 1 / sqrtAlphaBar)));
    };

    for (const [name, { T, x0, eps, z, steps }] of Object.entries(golden)) {
      const process = discreteProcess({ name: names[name], timesteps: T });
      for (const step of steps) {
        it(`${name}, t = ${step.t}: q-sample, v, ancestral and DDIM steps are those of PyTorch`, async () => {
          const at = process.at(step.t);
          const c = at.alpha;
          const xt = qSample(vector(x0), at, vector(eps));
          expectClose(await xt.data(), step.x_t);
          expectClose(await predictionTarget(vector(x0), vector(eps), at, "v").data(), step.v);
          const own = dtype === "f64" ? 1 : c;                              // x_t is our own here: in f64 it has no rounding to speak of
          expectClose(await convertPrediction(vector(eps), xt, at, "eps", "v").data(), step.v, own);

          const denoise = clipped(rawDenoiser(saying(() => vector(step.eps_hat)), predictions.eps), { to: 1 });
          const noise = (): Tensor => vector(z);
          const below = step.t === 0 ? undefined : process.at(step.t - 1);
          const small = takeStep(ancestral, { denoise, noise, xt, at, to: below, options: { variance: "fixed-small" } });
          expectClose(await small.x0.data(), step.x0_hat_clipped, c);
          expectClose(await small.mean.data(), step.mean, c);
          expectClose(await small.next.data(), step.ancestral_fixedsmall, c);
          const large = takeStep(ancestral, { denoise, noise, xt, at, to: below, options: { variance: "fixed-large" } });
          expectClose(await large.next.data(), step.ancestral_fixedlarge, c);
          for (const [eta, expected] of Object.entries(step.ddim)) {
            const to = process.at(step.ddim_t_next);
            const { next } = takeStep(ddim, { denoise, noise, xt, at, to, options: { eta: Number(eta) } });
            expectClose(await next.data(), expected, c);
          }
        });
      }
    }
  });
}
