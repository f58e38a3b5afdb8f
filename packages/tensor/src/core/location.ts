/** Where in a network the program stands: layers name themselves, errors and numeric checks report it. */
import { FromnoiseError } from "./errors.js";

let path = "";

/** Runs fn as part of the layer `layer`; an error thrown inside carries the layer's name ("at unet.conv_in"). */
export function at<R>(layer: string, fn: () => R): R {
  const outside = path;
  path = layer;
  try {
    return fn();
  } catch (error) {
    if (error instanceof FromnoiseError) error.locate(layer);
    throw error;
  } finally {
    path = outside;
  }
}

/** The layer now running, "" outside of layers. */
export function here(): string {
  return path;
}
