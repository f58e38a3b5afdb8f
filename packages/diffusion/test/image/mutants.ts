/** Random damage to image files, and what decoding them comes to. */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { ImageError, type Random } from "@fromnoise/tensor";
import { decodeImage } from "../../src/image/node/index.js";

/** A copy with some bytes flipped, written over, cut, doubled or moved; half of the PNGs get right checksums again. */
export function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  const below = (n: number): number => Math.floor(random.uniform(1)[0] * n);
  let out = Buffer.from(bytes);
  for (let n = 1 + below(4); n > 0; n--) {
    const at = below(out.length), length = 1 + below(16);
    switch (below(5)) {
      case 0: out[at] ^= 1 << below(8); break;
      case 1: out[at] = [0, 1, 127, 128, 254, 255][below(6)]; break;
      case 2: out = Buffer.concat([out.subarray(0, at), out.subarray(Math.min(out.length, at + length))]); break;
      case 3: out = Buffer.concat([out.subarray(0, at), out.subarray(at, at + length), out.subarray(at)]); break;
      default: for (let i = 0; i < 4 && at + i < out.length; i++) out[at + i] = below(256);
    }
    if (out.length === 0) return bytes;
  }
  return below(2) === 0 ? out : withChecksums(out);
}

/** The PNG with the checksum of every chunk made right, so that the damage reaches what lies behind that check. */
function withChecksums(bytes: Buffer): Buffer {
  const out = Buffer.from(bytes);
  for (let at = 8; at + 12 <= out.length;) {
    const end = at + 12 + out.readUInt32BE(at);
    if (end > out.length) break;
    out.writeUInt32BE(crc32(out.subarray(at + 4, end - 4)), end - 4);
    at = end;
  }
  return out;
}

/** A digest of the pixels, or the error's name and message. Throws on whatever is no ImageError. */
export function outcome(bytes: Uint8Array): string {
  try {
    const { width, height, channels, data } = decodeImage(bytes, "mutant");
    return `${width}x${height}x${channels} ${createHash("sha256").update(new Uint8Array(data.buffer)).digest("hex")}`;
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return `ImageError: ${error.message}`;
  }
}
