/** Names of renderers that compute on the CPU: SwiftShader, Mesa's llvmpipe and lavapipe, Microsoft's WARP. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|software|basic render|warp/i;

/** The renderer's name, and that it is a program where it is one. */
export function describeRenderer(name: string, isFallback = false): string {
  return isFallback || SOFTWARE.test(name) ? `${name} (a software renderer, no GPU)` : name;
}

/**
 * headless-gl calls every renderer ANGLE. That a program computes below it is known where the environment says so: Mesa's own
 * variables, or the display of xvfb-run, which no GPU draws on.
 */
export function describeAngle(environment: (name: string) => string | undefined): string {
  const [always, driver, display] = ["LIBGL_ALWAYS_SOFTWARE", "GALLIUM_DRIVER", "XAUTHORITY"].map((name) => environment(name) ?? "");
  const reasons = [
    /^(1|true|yes|y)$/i.test(always) ? `LIBGL_ALWAYS_SOFTWARE=${always}` : "",
    SOFTWARE.test(driver) ? `GALLIUM_DRIVER=${driver}` : "",
    display.includes("xvfb-run") ? "a display of xvfb-run" : "",
  ].filter((reason) => reason !== "");
  if (reasons.length === 0) return "ANGLE, which does not name the GPU or program below it";
  return describeRenderer(`ANGLE under ${reasons.join(", ")}`, true);
}
