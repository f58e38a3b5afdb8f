/** The field `model` of a run's configuration: which network, and its own configuration. */
import { networkKinds, networkOf, type Json, type NetworkSpec, type UNetConfig } from "@fromnoise/nn";

/** A U-Net in the fields of diffusers' UNet2DModel; the rest takes diffusers' defaults. */
export type UNetFields = Partial<UNetConfig> & { readonly kind?: "unet" };

/** A network as configurations hold it: its kind, "unet" unless said, beside the fields of its own configuration. */
export type ModelFields = UNetFields | { readonly kind: string; readonly [field: string]: Json };

/** Kind and configuration apart, as `networkOf` takes them. */
export function networkSpec({ kind = "unet", ...config }: ModelFields): Pick<NetworkSpec, "kind" | "config"> {
  return { kind, config: config as NetworkSpec["config"] };
}

/** A network's kind and configuration as configurations hold them. */
export function modelFields({ kind, config }: Pick<NetworkSpec, "kind" | "config">): ModelFields {
  return kind === "unet" ? { ...config } : { kind, ...config };
}

/** Throws ConfigError for a field of a network of this library that is not allowed; of one's own networks their constructors judge. */
export function checkModel(model: ModelFields): void {
  const spec = networkSpec(model);
  if (Object.hasOwn(networkKinds, spec.kind)) networkOf(spec);
}
