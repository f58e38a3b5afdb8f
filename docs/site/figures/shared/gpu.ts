/** Whether a page has the GPU that a device string asks for. Nothing is opened before one is chosen. */

/** What is missing, or undefined where all is there. */
export async function missingForGpu(mode: string): Promise<string | undefined> {
  if (mode === "webgpu") {
    const { gpu } = navigator as Navigator & { gpu?: { requestAdapter(): Promise<object | null> } };
    if (gpu === undefined) return "this browser has no WebGPU here";
    return await gpu.requestAdapter() === null ? "WebGPU finds no GPU" : undefined;
  }
  const context = new OffscreenCanvas(1, 1).getContext("webgl2");
  if (context === null) return "this browser has no WebGL 2 here";
  const floats = context.getExtension("EXT_color_buffer_float") !== null;
  context.getExtension("WEBGL_lose_context")?.loseContext();
  return floats ? undefined : "WebGL 2 cannot draw on floats here";
}
