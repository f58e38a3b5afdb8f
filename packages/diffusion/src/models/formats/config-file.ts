/** A config.json alone, of a run or of a network: enough to show what the network is. */
import { isObject } from "@fromnoise/nn/kinds";
import { networkSpec, type ModelFields } from "../../train/model-fields.js";
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
    const network = networkSpec((isObject(model) ? model : json) as ModelFields);
    return { network, facts: { file: pathOf(source, file) } };
  },
};
