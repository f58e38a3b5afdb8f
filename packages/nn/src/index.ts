/**
 * @fromnoise/nn: layers with their backward, the U-Net, optimisers, averages and checkpoints, on @fromnoise/tensor.
 * @module @fromnoise/nn
 */
export { Parameter, type ParameterKind, type ParameterOptions, type ParameterRole } from "./parameters/parameter.js";
export { apply, disposeParameters, parameterCount, type Module } from "./parameters/module.js";
export { Grads } from "./parameters/grads.js";
export { channelCount, depthCount, MOST_LEVELS, side } from "./config/limits.js";
export { checkRoom, gibibytes, type RoomOptions } from "./parameters/room.js";
export { initialize, type InitOptions, type InitScheme } from "./parameters/init.js";

export { Linear, type LinearCache, type LinearOptions } from "./layers/linear.js";
export { Conv2d, type Conv2dCache, type Conv2dOptions } from "./layers/conv2d.js";
export { Activation, activations, type ActivationCache, type ActivationName } from "./layers/activation.js";
export { LayerScale, type LayerScaleCache, type LayerScaleOptions } from "./layers/layer-scale.js";
export { backwardAt, forwardAt } from "./layers/enter.js";
export { tapLayers, type LayerTap } from "./layers/tap.js";
export type { Layer } from "./layers/layer.js";
export { ChannelNorm, type ChannelNormCache } from "./layers/channel-norm.js";
export { RmsNorm, type RmsNormCache } from "./layers/rms-norm.js";
export { StandardizedConv2d, type StandardizedConv2dCache, type StandardizedConv2dOptions, type VarianceFloor } from "./layers/standardized-conv2d.js";
export { GroupNorm, type GroupNormCache, type GroupNormOptions } from "./layers/group-norm.js";
export { NormActivation, type NormActivationCache } from "./layers/norm-activation.js";
export { LogFourier } from "./layers/log-fourier.js";
export { firDouble, firHalve } from "./layers/fir.js";
export { NormSilu } from "./layers/norm-silu.js";
export { AdaGroupNormSilu, AddTimeNorm, ScaleShiftTimeNorm, type AdaGroupNormSiluCache, type ScaleShiftCache, type TimeNorm } from "./layers/time-norm.js";
export { TimeProjection, type TimeProjectionCache } from "./layers/time-projection.js";
export { ResBlock, type ResBlockCache, type ResBlockOptions } from "./layers/res-block.js";
export { Attention, type AttentionCache, type AttentionOptions } from "./layers/attention.js";
export { AdaLayerNorm, type AdaLayerNormCache } from "./layers/ada-layer-norm.js";
export { SelfAttention, type SelfAttentionCache } from "./layers/self-attention.js";
export { Downsample } from "./layers/downsample.js";
export { Upsample } from "./layers/upsample.js";
export { timestepEmbedding, type TimestepEmbeddingOptions } from "./layers/timestep-embedding.js";
export { FourierFeatures, type FourierFeaturesCache, type FourierFeaturesOptions } from "./layers/fourier-features.js";
export { TimeMlp, type TimeMlpCache } from "./layers/time-mlp.js";
export { ClassEmbedding, type ClassEmbeddingCache } from "./layers/class-embedding.js";

export type { Given, Json, JsonObject, Network, NetworkSpec } from "./networks/network.js";
export { networkKinds, networkOf, type NetworkKinds } from "./networks/kinds.js";
export { freeSteps, keepCaches, type Policy } from "./networks/policy.js";
export { checkGiven } from "./networks/check-given.js";
export { SelfConditioned, innerSpec, type SelfConditionedCache } from "./networks/self-conditioned.js";
export { Sequential } from "./networks/sequential.js";
export { layerCosts, type CostOptions, type LayerCost } from "./networks/costs.js";
export { summary, type SummaryOptions } from "./networks/summary.js";
export { formatModule, formatNetwork } from "./networks/format.js";
export { Dit, type DitCache } from "./networks/dit/dit.js";
export { ditConfig, type DitConfig, type DitOptions } from "./networks/dit/config.js";
export { PatchEmbedding, type PatchEmbeddingCache } from "./networks/dit/patch-embedding.js";
export { TransformerBlock, type TransformerBlockCache } from "./networks/dit/transformer-block.js";
export { FinalLayer, type FinalLayerCache } from "./networks/dit/final-layer.js";
export { LucidrainsUNet, type LucidrainsUNetCache } from "./networks/lucidrains/lucidrains-unet.js";
export { isLucidrainsConfig, lucidrainsConfig, type LucidrainsConfig, type LucidrainsOptions } from "./networks/lucidrains/config.js";
export { eraNames, eraOfNames, eras, lucidrainsEra, type Era, type LucidrainsEra } from "./networks/lucidrains/eras.js";
export { PixelAttention, type PixelAttentionCache, type PixelAttentionOptions } from "./networks/lucidrains/pixel-attention.js";
export { ResnetBlock, type ResnetBlockCache, type ResnetBlockOptions } from "./networks/lucidrains/resnet-block.js";
export { Mlp, type MlpCache } from "./networks/mlp/mlp.js";
export { mlpConfig, type MlpConfig, type MlpOptions } from "./networks/mlp/config.js";
export { unetConfig, type DownBlockType, type UNetConfig, type UNetOptions, type UpBlockType } from "./networks/unet/config.js";
export { UNet, type UNetCache } from "./networks/unet/unet.js";

export type { Optimizer, OptimizerStep } from "./optim/optimizer.js";
export { Adam, AdamW, type AdamOptions } from "./optim/adam.js";
export { Sgd, type SgdOptions } from "./optim/sgd.js";
export { clipCoefficient, globalNorm } from "./optim/clip.js";
export { constantLr, cosineLr, warmupLr, type LrSchedule } from "./optim/lr-schedule.js";
export { EMA_WARMUPS, Ema, type EmaOptions, type EmaWarmup } from "./optim/ema.js";
export { PowerEma } from "./optim/power-ema.js";
export {
  AVERAGE_LENGTHS, profileExponent, profileLength, rebuildWeights, type Profile, type Rebuilt,
} from "./optim/power-profile.js";

export { layerGradcheckCases, networkGradcheckCases, type LayerGradcheckCase } from "./verify/gradcheck-cases.js";

export { checkStateDict, describe, loadStateDict, stateDict } from "./parameters/state-dict.js";
export type { StateDict, StateEntry, TensorsByParameter } from "./parameters/state-dict.js";
export { fileShape, fromFileLayout, toChannelsFirst, toChannelsLast, toFileLayout } from "./parameters/layout.js";

export {
  encodeSafetensors, parseSafetensors, readSafetensorsHeader, readSafetensorsTensor, tensorDigest,
  type ByteReader, type EncodedSafetensors, type EncodeOptions, type HostTensor, type LoadedTensor, type Safetensors,
} from "./formats/safetensors.js";
export type { SafetensorsEntry, SafetensorsHeader } from "./formats/safetensors-header.js";
export {
  loadSafetensors, openFile, replaceFile, saveSafetensors, writeAll,
  type FileLayer, type FileReader, type FileWriter, type LoadOptions, type SaveOptions,
} from "./formats/files.js";

export { HALF_LIMIT } from "./formats/half.js";
export { platformFiles } from "#platform";
export { parseJson, type JsonOptions } from "./formats/json.js";
export { sha256 } from "./formats/digest.js";
export {
  isTorchFile, readStateDict, readTorchFile, stateDictOf, type LoadedTorchTensor, type TorchFile, type TorchStateDict,
} from "./formats/torch/file.js";
export { encodeTorchFile, type Saved } from "./formats/torch/encode.js";
export { Global, Opaque } from "./formats/torch/opaque.js";
export { TorchTensor, type TorchDtype, type TorchStorage } from "./formats/torch/tensors.js";

export { errorCode, failureReason } from "./formats/errno.js";

export { checkGolden, goldenFill, goldenFillOf, loadGoldenParameters, relativeMax, worse } from "./verify/golden.js";
export type { FillCoefficients, Golden, GoldenRow, VerifyOptions } from "./verify/golden.js";
export { goldenUNet, verifyDit, verifyUNet, type GoldenGradient, type UNetGolden } from "./verify/golden-network.js";
