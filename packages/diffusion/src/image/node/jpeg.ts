/** JPEG files to floats, by libjpeg-turbo compiled to WebAssembly: the pixels that PyTorch's users see, to the last bit. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { JpegHeader } from "../header.js";
import { checkWork, type ImageLimits } from "../limits.js";
import type { Picture } from "../picture.js";

/** Most scans of a file. Encoders write about ten; each may visit every pixel again at the cost of a few bytes. */
const MAX_SCANS = 64;
/** A decoder whose memory has grown beyond this is let go: WebAssembly memory never shrinks. */
const KEPT_BYTES = 2 ** 26;

interface Decoder {
  getEncodedBuffer(length: number): Uint8Array;
  decode(): void;
  getFrameInfo(): { width: number; height: number; componentCount: number };
  getDecodedBuffer(): Uint8Array;
  delete(): void;
}
interface Codec { JPEGDecoder: new () => Decoder; HEAPU8: Uint8Array }

let codec: Codec | undefined;

/**
 * Decodes a baseline or progressive JPEG, whose header has been read, to floats in [0, 1]: sample / 255, chroma interpolated.
 * @throws Error for what is damaged, has too many scans or is CMYK; ImageError when it would take too much memory.
 */
export function decodeJpeg(bytes: Uint8Array, header: JpegHeader, limits: ImageLimits, file: string): Picture {
  const { width, height, channels, components, progressive } = header;
  if (components !== 1 && components !== 3) throw new Error(`${components} components, such as CMYK; 1 (gray) and 3 are read`);
  const scans = scansOf(bytes);
  if (scans > MAX_SCANS) throw new Error(`${scans} scans; up to ${MAX_SCANS} are read`);
  // A progressive file is kept as coefficients of 16 bits until its last scan.
  const work = bytes.length + width * height * components * (progressive ? 3 : 1);
  checkWork(work, limits, file, `a ${progressive ? "progressive" : "baseline"} JPEG of ${components} components`);
  const module = codec ??= openCodec();
  codec = undefined;  // until it has decoded: what an error left behind is not used again
  const decoder = decodeWith(module, bytes);
  const frame = decoder.getFrameInfo(), samples = decoder.getDecodedBuffer();
  if (frame.width !== width || frame.height !== height || frame.componentCount !== channels || samples.length !== width * height * channels) {
    throw new Error(`a frame of ${frame.width}x${frame.height} with ${frame.componentCount} components, unlike its header`);
  }
  const data = new Float32Array(samples.length);
  for (let i = 0; i < data.length; i++) data[i] = samples[i] / 255;
  decoder.delete();
  if (module.HEAPU8.length <= KEPT_BYTES) codec = module;
  return { width, height, channels, data };
}

function decodeWith({ JPEGDecoder }: Codec, bytes: Uint8Array): Decoder {
  try {
    const decoder = new JPEGDecoder();
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    return decoder;
  } catch {  // what it throws is the address of a C++ exception, or that memory ended
    throw new Error("data that libjpeg-turbo does not decode");
  }
}

/** The number of scans: of ff da that are no stuffed bytes of a scan's data. */
function scansOf(bytes: Uint8Array): number {
  let scans = 0;
  for (let i = bytes.indexOf(0xff); i !== -1 && i + 1 < bytes.length; i = bytes.indexOf(0xff, i + 1)) {
    if (bytes[i + 1] === 0xda) scans++;
  }
  return scans;
}

/** The part of the WebAssembly API used here; TypeScript declares it for pages only. */
interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: object };
}

/** The codec's factory gives a promise; with a module that is compiled already it is ready at once, in the object it was given. */
function openCodec(): Codec {
  const { WebAssembly } = globalThis as { WebAssembly?: WebAssemblyApi };
  if (WebAssembly === undefined) throw new Error("a JPEG, which this JavaScript engine without WebAssembly cannot decode; a PNG it can");
  const require = createRequire(import.meta.url);
  const module = new WebAssembly.Module(readFileSync(require.resolve("@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasm")));
  const factory = require("@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs") as (options: object) => Promise<unknown>;
  const options = {
    print: () => undefined, printErr: () => undefined,  // libjpeg's warnings; the decoder reports them as errors
    instantiateWasm(imports: object, ready: (instance: object) => void): object {
      const instance = new WebAssembly.Instance(module, imports);
      ready(instance);
      return instance.exports;
    },
  };
  void factory(options);
  return options as object as Codec;
}
