/** Images of any size and colour as a feature network sees them. */
import { ConfigError, formatShape, type Shape } from "@fromnoise/tensor";
import { toChannels, type Channels, type Picture } from "../../image/picture.js";
import { areaAverage, centredPart } from "../../image/resize.js";
import type { Rows } from "../rows.js";
import type { FeatureConfig } from "./config.js";

/** Said of images [H, W, C] that are not the network's own size or colour; undefined where nothing is changed. */
export function fittingOf(shape: Shape, config: FeatureConfig): string | undefined {
  const { size, channels, bordered } = config;
  const [height, width, given] = sidesOf(shape);
  const how = [
    ...(height === size && width === size ? []
      : bordered !== 0 && height === bordered && width === bordered ? [`cut from ${width}x${height} to ${size}x${size}`]
      : [`resampled from ${width}x${height} to ${size}x${size}`]),
    ...(given === channels ? [] : [given === 1 ? "gray taken as RGB" : "RGB taken as gray"]),
  ];
  return how.length === 0 ? undefined : how.join(", ");
}

/**
 * Images [N, H, W, C] in [-1, 1] at the network's size and channels: gray repeated or RGB as luma; a border that the config knows cut
 * off; else the largest centred square, averaged where it is larger (area averaging), and drawn larger between its pixels (bilinear)
 * where it is smaller. Values beyond [-1, 1] are clipped, as a picture would show them. Throws ConfigError for what are no images.
 */
export function fitImages({ shape: [count, ...shape], data }: Rows, config: FeatureConfig): Rows & { readonly data: Float32Array } {
  const { size, channels, bordered } = config;
  const [height, width, given] = sidesOf(shape);
  const each = height * width * given, wanted = size * size * channels;
  const out = new Float32Array(count * wanted);
  for (let i = 0; i < count; i++) {
    const values = Float32Array.from(data.subarray(i * each, (i + 1) * each), (value) => Math.min(1, Math.max(-1, value)));
    const picture = toChannels({ width, height, channels: given, data: values }, channels);
    out.set((height === bordered && width === bordered ? cut(picture, size) : resampled(picture, size)).data, i * wanted);
  }
  return { shape: [count, size, size, channels], data: out };
}

function sidesOf(shape: Shape): [height: number, width: number, channels: Channels] {
  const [height, width, channels] = shape;
  if (shape.length === 3 && (channels === 1 || channels === 3)) return [height, width, channels];
  throw new ConfigError("features: samples are no images", [`shape    ${formatShape(shape)}`, "allowed  [H, W, 1], [H, W, 3]"]);
}

function cut(picture: Picture, size: number): Picture {
  const x = Math.floor((picture.width - size) / 2), y = Math.floor((picture.height - size) / 2);
  return areaAverage(picture, size, size, { x, y, width: size, height: size });
}

function resampled(picture: Picture, size: number): Picture {
  const part = centredPart(picture.width, picture.height, 1, 1);
  if (part.width >= size) return areaAverage(picture, size, size, part);
  return enlarged(areaAverage(picture, part.width, part.height, part), size);
}

/**
 * Bilinear enlargement of a square, centres of pixels on centres: with s = side / size and u = (i + 1/2) s - 1/2 held to 0 .. side - 1,
 * out[i] = (1 - f) in[floor u] + f in[floor u + 1], f = u - floor u, along both axes.
 */
export function enlarged({ width: side, channels, data }: Picture, size: number): Picture {
  const places = Array.from({ length: size }, (_, i) => {
    const u = Math.min(side - 1, Math.max(0, ((i + 0.5) * side) / size - 0.5));
    const low = Math.floor(u);
    return { low, high: Math.min(side - 1, low + 1), part: u - low };
  });
  const out = new Float32Array(size * size * channels);
  let at = 0;
  for (const y of places) {
    for (const x of places) {
      for (let c = 0; c < channels; c++) {
        const value = (row: number, column: number): number => data[(row * side + column) * channels + c];
        const above = value(y.low, x.low) * (1 - x.part) + value(y.low, x.high) * x.part;
        const below = value(y.high, x.low) * (1 - x.part) + value(y.high, x.high) * x.part;
        out[at++] = above * (1 - y.part) + below * y.part;
      }
    }
  }
  return { width: size, height: size, channels, data: out };
}
