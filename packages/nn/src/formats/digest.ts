import { CheckpointError } from "@fromnoise/tensor";

/** The part of WebCrypto that is needed here. */
interface WebCrypto { readonly subtle?: { digest(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> } }

/**
 * SHA-256 of bytes (FIPS 180-4), 64 hexadecimal digits, by the engine's WebCrypto.
 * @throws CheckpointError in a page without it: browsers keep it for https and localhost.
 */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const { subtle } = (globalThis as { crypto?: WebCrypto }).crypto ?? {};
  if (subtle === undefined) {
    throw new CheckpointError("there is no SHA-256 here, and checkpoints have digests to be made and checked", [
      "needed   a secure context: https, or localhost",
    ]);
  }
  const own = bytes.buffer instanceof ArrayBuffer ? bytes as Uint8Array<ArrayBuffer> : bytes.slice();  // it takes no shared memory
  const digest = new Uint8Array(await subtle.digest("SHA-256", own));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
