/** The formats of models, and the one place that tells what a source holds. */
import { CheckpointError } from "@fromnoise/tensor";
import { checkpointFormat } from "./formats/checkpoint-format.js";
import { configFile } from "./formats/config-file.js";
import { diffusersFormat } from "./formats/diffusers.js";
import { torchFormat } from "./formats/torch.js";
import type { Held, ModelFormat } from "./model-format.js";
import type { Source } from "./source.js";

/** The first that knows a source reads it. */
export const modelFormats: readonly ModelFormat[] = [checkpointFormat, diffusersFormat, torchFormat];

/**
 * What a source holds, among the formats that are wanted.
 * Throws CheckpointError that names what was found and what is allowed, where it holds another or nothing that is known.
 */
export async function formatOf<F extends Held>(source: Source, wanted: readonly F[]): Promise<F> {
  for (const format of wanted) if (await format.detect(source)) return format;
  for (const { name, detect } of [...modelFormats, configFile]) {
    if (!(await detect(source))) continue;
    throw new CheckpointError(`${source.name} is ${name}`, [`expected ${wanted.map((format) => format.name).join(", or ")}`]);
  }
  throw new CheckpointError(`${source.name} holds no model`, [
    `found    ${shortList(await source.list()) || "no files"}`,
    ...wanted.map(({ name, files }, i) => `${i === 0 ? "allowed" : "       "}  ${name}: ${files}`),
  ]);
}

/** The first names of a list, and how many more there are. */
export function shortList(names: readonly string[]): string {
  const shown = 6;
  return names.length <= shown ? names.join(", ") : `${names.slice(0, shown).join(", ")}, and ${names.length - shown} more`;
}
