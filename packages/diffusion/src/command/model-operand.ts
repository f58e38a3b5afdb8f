/** Which model a command is to take: a path, or the recipe whose model comes with the package. */
import { ConfigError } from "@fromnoise/tensor";
import { oneOf } from "@fromnoise/nn/kinds";
import { optional } from "../config/fields.js";
import { shippedModel } from "../models/node/shipped.js";
import { recipeNames } from "../train/recipes.js";
import { usageLines, type Command } from "./command.js";

export const recipeField = optional(oneOf(recipeNames), "in place of a path the model of a recipe that comes with the package, drawn as the recipe says", {
  shown: "none",
});

/** The path of the model. Throws ConfigError where neither or both are given, and for a recipe whose model does not come with the package. */
export function modelPath(path: string | undefined, recipe: string | undefined, command: Command): string {
  if (path !== undefined && recipe !== undefined) throw new ConfigError("a path and --recipe are two models", ["allowed  one of them"]);
  if (recipe !== undefined) return shippedModel(recipe);
  if (path !== undefined) return path;
  throw new ConfigError("an argument is missing", usageLines(command));
}
