/** Images in and out. Reading PNG and JPEG and writing PNG need Node; the rest is in portable.ts. */
export * from "./portable.js";
export { decodeImage, readImage } from "./decode.js";
export { encodePng } from "./encode.js";
