/** Names of renderers that compute on the CPU: SwiftShader, Mesa's llvmpipe and lavapipe, Microsoft's WARP. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|software|basic render|warp/i;

/** The renderer's name, and that it is a program where it is one. */
export function describeRenderer(name: string, isFallback = false): string {
  return isFallback || SOFTWARE.test(name) ? `${name} (a software renderer, no GPU)` : name;
}
