/** Images in and out. Reading PNG and JPEG and writing PNG need Node; the rest is in ../index.ts. */
export * from "../index.js";
export { decodeImage, readImage } from "./decode.js";
export { encodePng } from "./encode.js";
