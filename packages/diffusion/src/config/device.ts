import { parseDevice } from "@fromnoise/tensor";
import { field, type Extras, type Field } from "./fields.js";
import { text } from "@fromnoise/nn/kinds";

/** The field that names a device; what is no device is refused in the words of `parseDevice`. */
export function deviceField<const E extends Extras = Extras>(preset: string, extras?: E): Field<string> & E {
  const help = "where to compute: reference, wasm or gpu; with options: wasm:threads=4,exact";
  const allowed = "reference, wasm, gpu, each with its options";
  return field({ ...text, allowed, refuse: (name: string) => void parseDevice(name) }, preset, help, extras);
}
