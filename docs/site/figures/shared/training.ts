/** Digits learnt by the U-Net that fits a page: the same in a page's worker and in Node, bit for bit on `wasm:deterministic`. */
import { parameterCount } from "@fromnoise/nn";
import {
  ddim, pageUNet, recipes, sampleImages, splitDataset, trainConfig, Trainer, type Picture, type StepMetrics,
} from "@fromnoise/diffusion";
import { openDevice, type Device } from "@fromnoise/tensor";
import { digest } from "./digest.js";
import { SAMPLER_STEPS, SHOWN, toLevel, type Plan } from "./digits.js";
import { digitsData } from "./sheet.js";

export interface Drawn { readonly levels: Uint8Array; readonly digest: string }

export class DigitsTraining {
  private constructor(readonly device: Device, readonly trainer: Trainer) {}

  /** Opens the device and makes the network. Throws DeviceError where there is no such device. */
  static async open({ device: spec, prediction, steps, seed }: Plan, sheet: Picture): Promise<DigitsTraining> {
    const device = await openDevice(spec);
    try {
      const recipe = recipes.find(({ name }) => name === "digits-16")!.config;
      const config = trainConfig({ ...recipe, model: pageUNet, prediction, steps, seed, profiles: { every: 0 } });
      return new DigitsTraining(device, new Trainer(config, device, splitDataset(digitsData(sheet), config.holdOut).training));
    } catch (error) {
      await device.dispose();
      throw error;
    }
  }

  get parameters(): number {
    return parameterCount(this.trainer.network);
  }

  step(): Promise<StepMetrics> {
    return this.trainer.trainStep();
  }

  /** Ten samples of the averaged network: of one class, or one of each. */
  async draw(label: number | undefined, seed: number): Promise<Drawn> {
    const { images: { data } } = await sampleImages({
      model: this.trainer.model, device: this.device, count: SHOWN, seed, sampler: ddim, options: { steps: SAMPLER_STEPS },
      labels: Array.from({ length: SHOWN }, (_, i) => label ?? i),
    });
    return { levels: Uint8Array.from(data, toLevel), digest: digest(data) };
  }

  /** Of all weights as they are now. */
  async digest(): Promise<string> {
    return digest(...await Promise.all(this.trainer.network.parameters.map(({ tensor }) => tensor.data())));
  }

  async dispose(): Promise<void> {
    this.trainer.dispose();
    await this.device.dispose();
  }
}
