/** The pixels of a gray PNG, decoded by the browser. */

/** Levels 0 .. 255 by row. Throws when the file is not there or no picture. */
export async function grayPixels(url: URL): Promise<{ width: number; height: number; levels: Uint8Array }> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status} ${response.statusText}`);
  const bitmap = await createImageBitmap(await response.blob(), { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  return { width, height, levels: Uint8Array.from({ length: width * height }, (_, p) => data[4 * p]) };
}
