/** @fromnoise/nn: layers with their backward, the U-Net, optimisers, averages and checkpoints, on @fromnoise/tensor. */
export { Parameter, type ParameterKind, type ParameterOptions, type ParameterRole } from "./parameter.js";
export { apply, disposeParameters, parameterCount, type Module } from "./module.js";
export { Grads } from "./grads.js";
export { initialize, type InitOptions, type InitScheme } from "./init.js";

export { Linear, type LinearCache, type LinearOptions } from "./layers/linear.js";
export { Conv2d, type Conv2dCache, type Conv2dOptions } from "./layers/conv2d.js";
export { GroupNorm, type GroupNormCache, type GroupNormOptions } from "./layers/group-norm.js";
export { NormSilu } from "./layers/norm-silu.js";
export { AddTimeNorm, ScaleShiftTimeNorm, type ScaleShiftCache, type TimeNorm, type TimeNormCache } from "./layers/time-norm.js";
export { TimeProjection, type TimeProjectionCache } from "./layers/time-projection.js";
export { ResBlock, type ResBlockCache, type ResBlockOptions } from "./layers/res-block.js";
export { Attention, type AttentionCache, type AttentionOptions } from "./layers/attention.js";
export { Downsample } from "./layers/downsample.js";
export { Upsample } from "./layers/upsample.js";
export { timestepEmbedding, type TimestepEmbeddingOptions } from "./layers/timestep-embedding.js";
export { FourierFeatures, type FourierFeaturesCache, type FourierFeaturesOptions } from "./layers/fourier-features.js";
export { TimeMlp, type TimeMlpCache } from "./layers/time-mlp.js";
export { ClassEmbedding, type ClassEmbeddingCache } from "./layers/class-embedding.js";

export { unetConfig, type DownBlockType, type UNetConfig, type UNetOptions, type UpBlockType } from "./unet/config.js";
export { UNet, type UNetCache } from "./unet/unet.js";

export { Adam, AdamW, type AdamOptions, type AdamStep } from "./optim/adam.js";
export { clipCoefficient, globalNorm } from "./optim/clip.js";
export { constantLr, cosineLr, warmupLr, type LrSchedule } from "./optim/lr-schedule.js";
export { Ema, type EmaOptions } from "./optim/ema.js";

export { layerGradcheckCases, unetGradcheckCases, type LayerGradcheckCase } from "./gradcheck-cases.js";

export { describe, describeUNet, loadStateDict, stateDict } from "./state-dict.js";
export type { StateDict, StateEntry, TensorsByParameter } from "./state-dict.js";
export { fileShape, fromFileLayout, toChannelsFirst, toChannelsLast, toFileLayout } from "./layout.js";

export {
  encodeSafetensors, parseSafetensors, readSafetensorsHeader, readSafetensorsTensor,
  type ByteReader, type EncodeOptions, type HostTensor, type LoadedTensor, type Safetensors,
} from "./safetensors.js";
export type { SafetensorsEntry, SafetensorsHeader } from "./safetensors-header.js";
export {
  loadSafetensors, replaceFile, saveSafetensors,
  type FileLayer, type FileReader, type FileWriter, type LoadOptions, type SaveOptions,
} from "./files.js";

export { failureReason } from "./errno.js";

export { checkGolden, checkNetwork, goldenFill, loadGoldenParameters, relativeMax, worse } from "./verify/golden.js";
export type { FillCoefficients, Golden, GoldenRow, VerifyOptions } from "./verify/golden.js";
export { verifyUNet, type GoldenGradient, type UNetGolden } from "./verify/golden-unet.js";
