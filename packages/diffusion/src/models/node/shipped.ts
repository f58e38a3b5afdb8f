/** Trained models that come with the package, by the names of their recipes. */
import { ConfigError } from "@fromnoise/tensor";
import { embeddedFile } from "../../data/node/sheet.js";
import { recipeNames } from "../../train/recipes.js";

/** The recipes whose models are here. */
export function shippedModels(): string[] {
  return recipeNames.filter((name) => embeddedFile(fileOf(name)) !== undefined);
}

/** The path of a recipe's model. Throws ConfigError for a name of none, and where its model does not come with the package. */
export function shippedModel(name: string): string {
  const path = recipeNames.includes(name) ? embeddedFile(fileOf(name)) : undefined;
  if (path !== undefined) return path;
  throw new ConfigError(`no model of the recipe ${JSON.stringify(name)} comes with the package`, [
    `allowed  ${shippedModels().join(", ") || "none"}`, ...(recipeNames.includes(name) ? [`hint     fromnoise train --recipe ${name} trains one`] : []),
  ]);
}

function fileOf(name: string): string {
  return `models/${name}.safetensors`;
}
