/** Which sets of weights a file of torch.save holds: they lie in it as their program left them. */
import { CheckpointError } from "@fromnoise/tensor";
import { stateDictOf, type TorchStateDict } from "@fromnoise/nn";
import type { Weights } from "../model-format.js";

export interface TorchContents {
  /** The weights that there are; one set that nobody named is `model`. */
  readonly sets: ReadonlyMap<Weights, TorchStateDict>;
  /** Whether the file holds more than one state dict, so that it says what each is. */
  readonly named: boolean;
  /** What else of numbers and texts stands at its top: step, version. */
  readonly facts: ReadonlyMap<string, number | string>;
}

/** Names under which programs keep weights: themselves, and averaged. */
const PLACES: Readonly<Record<Weights, readonly string[]>> = {
  ema: ["ema", "ema_state_dict", "model_ema", "ema_model", "params_ema", "model_ema_state_dict"],
  model: ["model", "state_dict", "model_state_dict", "module", "net", "network", "unet", "params"],
};

/**
 * The sets of weights in what was saved: a state dict itself; a dict with one under a name of `PLACES`; or a list that begins with
 * one and may end with its averages (ermongroup/ddim). Prefixes that all names share, `module.` of parallel training and
 * `ema_model.` of ema-pytorch, are taken off.
 * Throws CheckpointError where there is none, naming what was found.
 */
export function torchContents(value: unknown, source: string): TorchContents {
  const alone = stateDictOf(value);
  if (alone !== undefined) return { sets: new Map([["model", plain(alone)]]), named: false, facts: new Map() };
  const places = value instanceof Map ? value as ReadonlyMap<unknown, unknown> : listPlaces(value);
  const sets = new Map<Weights, TorchStateDict>();
  for (const weights of ["ema", "model"] as const) {
    const dict = PLACES[weights].map((place) => stateDictOf(places.get(place))).find((found) => found !== undefined);
    if (dict !== undefined) sets.set(weights, plain(weights === "ema" ? averaged(dict) : dict));
  }
  if (sets.size === 0) {
    throw new CheckpointError(`${source} holds no state dict`, [
      `found    ${shown(value)}`, `allowed  a state dict, or one under ${PLACES.model.join(", ")}`,
      "hint     in Python: torch.save(model.state_dict(), path)",
    ]);
  }
  const facts = [...places].filter((pair): pair is [string, number | string] => typeof pair[0] === "string" && ["number", "string"].includes(typeof pair[1]));
  return { sets, named: true, facts: new Map(facts) };
}

function listPlaces(value: unknown): ReadonlyMap<unknown, unknown> {
  if (!Array.isArray(value)) return new Map();
  return new Map<unknown, unknown>([["model", value[0]], ...(value.length > 4 ? [["ema", value.at(-1)] as const] : [])]);
}

/** What ema-pytorch averages, without the copy of the weights themselves and its counters. */
function averaged(dict: TorchStateDict): TorchStateDict {
  const found = withPrefix(dict, "ema_model.");
  return found.size > 0 ? found : dict;
}

function plain(dict: TorchStateDict): TorchStateDict {
  return [...dict.keys()].every((name) => name.startsWith("module.")) ? withPrefix(dict, "module.") : dict;
}

/** The tensors whose names begin with a prefix, without it. */
export function withPrefix(dict: TorchStateDict, prefix: string): TorchStateDict {
  return new Map([...dict].flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor] as const] : [])));
}

/** The first names at the top, or what else it is. */
function shown(value: unknown): string {
  if (value instanceof Map) return `a dict of ${[...value.keys()].slice(0, 8).map((key) => JSON.stringify(String(key).slice(0, 40))).join(", ") || "nothing"}`;
  if (typeof value === "object" && value !== null && "path" in value) return `an object of ${String(value.path).slice(0, 80)}`;
  return Array.isArray(value) ? "a list" : typeof value;
}
