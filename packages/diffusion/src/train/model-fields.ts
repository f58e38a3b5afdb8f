/** The field `model` of a run's configuration: which network. */
import { ConfigError } from "@fromnoise/tensor";
import { innerSpec, networkKinds, networkOf, type NetworkSpec, type UNetConfig } from "@fromnoise/nn";
import { checkValue, object, text } from "@fromnoise/nn/kinds";

/** A U-Net in the fields of diffusers' UNet2DModel; the rest takes diffusers' defaults. */
export type UNetFields = Partial<UNetConfig>;

/** What `networkOf` builds a network from. */
type Spec = Pick<NetworkSpec, "kind" | "config">;

/** A network as configurations hold it: the fields of a U-Net, or any network's kind and config. */
export type ModelFields = UNetFields | Spec;

/** Kind and config of the network. */
export function networkSpec(model: ModelFields): Spec {
  return "kind" in model ? model : { kind: "unet", config: { ...model } };
}

/** A network's kind and config as configurations hold them: those of a U-Net are its fields. */
export function modelFields({ kind, config }: Spec): ModelFields {
  return kind === "unet" ? { ...config } : { kind, config };
}

/** Throws ConfigError for a field of a network of this library that is not allowed; of one's own networks their constructors judge. */
export function checkModel(model: ModelFields): void {
  const spec = networkSpec(model);
  const other = Object.keys(spec).find((name) => name !== "kind" && name !== "config");
  if (other !== undefined) throw new ConfigError(`model: there is no field ${other} beside kind`, ["allowed  kind, config"]);
  checkValue(text, "model.kind", spec.kind);
  checkValue(object(() => undefined), "model.config", spec.config);
  if (isOurs(spec)) networkOf(spec);
}

/** Whether a network is of this library, and the one within it too. Throws ConfigError where there should be one and is none. */
function isOurs({ kind, config }: Spec): boolean {
  return Object.hasOwn(networkKinds, kind) && (kind !== "self-conditioned" || isOurs(innerSpec(config)));
}
