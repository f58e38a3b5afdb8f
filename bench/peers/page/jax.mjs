/** jax-js in a page, backend webgpu. */
import * as jax from "@jax-js/jax";
import { version } from "../node_modules/@jax-js/jax/package.json";
import { openOn } from "../jax-benches.mjs";

export const open = (context) => openOn(jax, version, context);
