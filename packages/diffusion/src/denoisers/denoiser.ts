import type { Indices } from "@fromnoise/tensor";
import type { UNet } from "@fromnoise/nn";
import type { Denoiser } from "../samplers/step.js";

/** A U-Net as samplers see it: the prediction for a batch that stands at one step t, without keeping a cache. */
export function denoiserOf(unet: UNet, classLabels?: Indices): Denoiser {
  return (xT, t) => unet.apply(xT, new Array<number>(xT.shape[0]).fill(t), { labels: classLabels });
}
