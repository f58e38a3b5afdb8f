/** TensorFlow.js in a page, backends webgl and webgpu. */
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-webgpu";
import { openOn } from "../tfjs-benches.mjs";

/** Sends off what waits here, and waits until the GPU has done it. */
async function waitForWebGpu() {
  const backend = tf.backend();
  backend.endComputePassEncoder();
  if (backend.commandEncoder) backend.submitQueue();
  await backend.queue.onSubmittedWorkDone();
}

export const open = (context) => openOn(tf, context, context.backend === "webgpu" ? waitForWebGpu : context.waitForGl);

/** Turns to a backend, where several that were opened take turns. */
export const turnTo = (backend) => tf.setBackend(backend);
