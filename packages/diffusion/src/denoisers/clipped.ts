/** Guesses of x0 that are kept where images lie, [-1, 1] (Ho et al. 2020, section 3.4). */
import { clip, type Tensor } from "@fromnoise/tensor";
import { flag, isObject, number, oneOf, type Kind } from "@fromnoise/nn/kinds";
import type { Amounts } from "../process/level.js";
import { combine } from "../process/q-sample.js";
import type { Denoiser } from "./denoiser.js";
import { dynamicThreshold } from "./dynamic-threshold.js";

/** How a guess of x_0 is kept within the range of images. */
export interface ClipOptions {
  /** x0 is clipped to [-to, to]; "dynamic" clips every image to its own bound and divides by it, see `dynamicThreshold`. */
  readonly to: number | "dynamic";
  /** The share of values that the bound of "dynamic" leaves as they are; default 0.995. */
  readonly quantile?: number;
  /** The largest bound of "dynamic"; default none. */
  readonly most?: number;
  /**
   * The eps that goes with a clipped x0: `rederive` takes the one that makes x_t = alpha x0 + sigma eps true (improved-diffusion,
   * lucidrains), `keep` the network's (diffusers' default for DDIM). Default rederive.
   */
  readonly eps?: "rederive" | "keep";
}

const positive = number({ above: 0 });
const kinds: { readonly [K in keyof ClipOptions]-?: Kind<NonNullable<ClipOptions[K]>> } = {
  to: { allowed: "", fits: (v): v is number | "dynamic" => v === "dynamic" || positive.fits(v) },
  quantile: number({ above: 0, to: 1 }), most: positive, eps: oneOf(["rederive", "keep"]),
};

/** Whether guesses are clipped to [-1, 1], or how: as files and configurations hold it, and as a switch on the command line. */
export const clipping: Kind<boolean | ClipOptions> = {
  ...flag, allowed: 'true, false, or {to, quantile, most, eps} with to a number > 0 or "dynamic"',
  fits: (v): v is boolean | ClipOptions => flag.fits(v) || (isObject(v) && "to" in v && Object.entries(v).every(
    ([name, value]) => Object.hasOwn(kinds, name) && kinds[name as keyof ClipOptions].fits(value),
  )),
};

/** A denoiser whose guess of x0 is clipped. Throws ConfigError, when it is asked, as dynamicThreshold does. */
export function clipped(denoise: Denoiser, { to, quantile = 0.995, most, eps: convention = "rederive" }: ClipOptions): Denoiser {
  return (xt, at, previousX0) => xt.device.scope(() => {
    const raw = denoise(xt, at, previousX0);
    const x0 = to === "dynamic" ? dynamicThreshold(raw.x0, quantile, most) : clip(raw.x0, -to, to);
    return { ...raw, x0, eps: convention === "keep" ? raw.eps : epsOf(xt, x0, at) };
  });
}

/** eps = (x_t - alpha x0) / sigma. */
function epsOf(xt: Tensor, x0: Tensor, { alpha, sigma }: Amounts): Tensor {
  return combine(1 / sigma, xt, -alpha / sigma, x0);
}
