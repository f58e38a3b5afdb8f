/**
 * GL modes, `webgl2` and `headlessgl`: an array is a texture of 32-bit floats. With sizes [cols, 1, rows] gpu.js makes a texture
 * nearly square whatever the shape, so one texture can be seen under all shapes of its size.
 */
import { platform } from "#platform";
import { DeviceError } from "../../../core/errors.js";
import { describeAngle, describeRenderer } from "../engine/renderer.js";
import type { GpuHandle, GpuInstance, GpuJs, GpuKernel } from "../engine/gpu-js.js";
import { SETTINGS } from "./mode-arrays.js";
import type { Mode } from "./mode.js";
import { EXACT, isLine, isQuads, type Space } from "../engine/space.js";
import { TEXELS } from "../engine/texels.js";

/** What this file asks of a WebGL context. */
interface GlContext {
  readonly MAX_TEXTURE_SIZE: number;
  readonly RENDERER: number;
  getParameter(name: number): unknown;
  getExtension(name: string): { readonly UNMASKED_RENDERER_WEBGL: number } | null;
  createTexture(...args: unknown[]): unknown;
  deleteTexture(texture: unknown): void;
  readonly FRAMEBUFFER: number;
  readonly FRAMEBUFFER_BINDING: number;
  readonly RGBA: number;
  readonly UNSIGNED_BYTE: number;
  bindFramebuffer(target: number, framebuffer: unknown): void;
  readPixels(x: number, y: number, width: number, height: number, format: number, type: number, pixels: Uint8Array): void;
}

/** Texels of an array, the columns first; quads are addressed in a line. */
const textureSize = (space: Space): number[] => (isQuads(space) ? [space[0] * space[1], 1, 1] : threads(space));
/** Threads of a kernel; one has a texel as its result. */
const threads = (space: Space): number[] => (isLine(space) ? [space[0], 1, 1] : [space[1], 1, space[0]]);

export function openTextureMode(gpuJs: GpuJs, gpu: GpuInstance, name: "webgl2" | "headlessgl"): Mode<GpuHandle> {
  const probe = gpu.createKernel("function (x) { return x[0][0][this.thread.x]; }", { ...SETTINGS, output: [1, 1, 1] });
  (probe(new gpuJs.Input(Float32Array.of(1), [1, 1, 1])) as GpuHandle).delete();
  const gl = probe.kernel.context as GlContext;
  const live = countTextures(gl);
  const side = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
  return {
    name,
    description: `gpu.js ${name} on ${rendererOf(gl)}`,
    indexing: "texture",
    // a texture of n elements has sides of at most ceil(sqrt n)
    limits: { elements: Math.min(EXACT, side * side), side: EXACT, inputs: 7 },
    dynamic: name === "webgl2",
    lanes: 1,
    createKernel: (javascript, output, dynamic) => gpu.createKernel(javascript, {
      ...SETTINGS, output: threads(output), dynamicOutput: dynamic, dynamicArguments: dynamic, injectedNative: name === "webgl2" ? TEXELS : "",
    }),
    hostArgument: (values) => new gpuJs.Input(values, [values.length, 1, 1]),
    argument: (texture, space) => {
      if ((texture.type === "ArrayTexture(4)") !== isQuads(space)) {
        throw new Error("an array of quads is seen as one of numbers, or the other way round");
      }
      const size = textureSize(space);
      return Object.assign(Object.create(texture) as object, { type: texture.type, output: size, dimensions: size });
    },
    run(kernel, args, output) {
      const { kernel: own } = kernel;
      if (own.dynamicOutput) kernel.setOutput(threads(output));
      const texture = kernel(...args) as GpuHandle;
      if (own.dynamicOutput) letGo(own);
      return texture;
    },
    read(texture, n) {
      const size = [n, 1, 1];
      const seen = Object.assign(Object.create(texture) as GpuHandle, { output: size, dimensions: size });
      const values = (seen.toArray() as Float32Array[][])[0][0];
      if (values.length !== n) throw new DeviceError(`read: ${values.length} values came back where ${n} were expected`);
      return values;
    },
    free: (texture) => texture.delete(),
    sync: () => waitFor(gl),
    live,
    dispose: () => gpu.destroy(),
  };
}

/**
 * gpu.js keeps the last result of every kernel, to write into it again, or into an earlier one of another size where a kernel is given
 * its own result. Here a result belongs to its array alone; `setOutput` makes the texture of the next one.
 */
function letGo(kernel: GpuKernel["kernel"]): void {
  kernel.texture?.delete();
  kernel.texture = null;
}

/** Waits until the GPU is done, by reading a pixel of the canvas: browsers return from `finish` at once. */
function waitFor(gl: GlContext): void {
  const bound = gl.getParameter(gl.FRAMEBUFFER_BINDING);
  gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  gl.bindFramebuffer(gl.FRAMEBUFFER, bound);
}

function rendererOf(gl: GlContext): string {
  const unmasked = gl.getExtension("WEBGL_debug_renderer_info");
  const name = gl.getParameter(unmasked?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER) as string;
  return name === "ANGLE" ? describeAngle(platform.environment) : describeRenderer(name); // that name alone is headless-gl's, in Node
}

/** Counts the textures of a context from now on. */
function countTextures(gl: GlContext): () => number {
  const alive = new Set<unknown>();
  const { createTexture, deleteTexture } = gl;
  gl.createTexture = function (this: GlContext, ...args) {
    const texture = createTexture.apply(gl, args);
    alive.add(texture);
    return texture;
  };
  gl.deleteTexture = (texture) => {
    alive.delete(texture);
    deleteTexture.call(gl, texture);
  };
  return () => alive.size;
}
