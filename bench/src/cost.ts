/** The floating-point operations of a forward pass, counted on the dry device. */
import { openDryDevice, zeros } from "@fromnoise/tensor";
import { UNet } from "@fromnoise/nn";

export function layerCost(config: Readonly<Record<string, unknown>>, batch: number): { flops: number; kernels: number } {
  const device = openDryDevice();
  const unet = new UNet(config);
  for (const p of unet.parameters) p.tensor = zeros(p.shape, { device });
  const side = unet.config.sample_size as number;
  const x = zeros([batch, side, side, unet.config.in_channels], { device });
  let flops = 0, kernels = 0;
  device.onKernel = (event) => {
    flops += event.flops;
    kernels++;
  };
  device.scope(() => void unet.apply(x, new Array<number>(batch).fill(0)));
  return { flops, kernels };
}
