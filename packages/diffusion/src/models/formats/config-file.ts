/** A config.json alone, of a run or of a network: enough to show what the network is. */
import type { JsonObject } from "@fromnoise/nn";
import { isObject } from "../../config/kinds.js";
import type { Held } from "../model-format.js";
import { pathOf, readJsonFile } from "../source.js";

export const configFile: Held = {
  name: "a config.json",
  files: "one file of JSON",
  async detect(source) {
    const names = await source.list();
    return names.length === 1 && names[0].endsWith(".json");
  },
  async describe(source) {
    const [file] = await source.list();
    const json = await readJsonFile(source, file);
    const { model } = json;                                                             // of a run
    const config = (isObject(model) ? model : json) as JsonObject;
    return { network: { kind: "unet", config }, facts: { file: pathOf(source, file) } };
  },
};
