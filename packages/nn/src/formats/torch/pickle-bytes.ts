/** The bytes of a pickle, read one after another: its numbers, lines and texts. */
import { CheckpointError } from "@fromnoise/tensor";

/** The pickle ends before its last operation: what of the file was read may have been too little. */
export class PickleEnded extends CheckpointError {}

/** No whole number in files of PyTorch has more bytes: the longest is the 10 of the magic number. */
const MAX_INTEGER_BYTES = 16;

/** Lines are names and numbers; the longest are texts of protocol 0. */
const MAX_LINE_BYTES = 2 ** 20;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export class PickleBytes {
  private readonly view: DataView;

  /** Reads `bytes` from `at` on; `source` is what messages call them. */
  constructor(private readonly bytes: Uint8Array, public at: number, private readonly source: string) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  refuse(reason: string): never {
    throw new CheckpointError(`${this.source}: the pickle is refused at byte ${this.at}: ${reason}`);
  }

  private ended(): never {
    throw new PickleEnded(`${this.source}: the pickle ends in the middle, at byte ${this.bytes.length}`);
  }

  /** The place of the next n bytes, which are then behind. Throws PickleEnded where there are not so many. */
  private skip(n: number): number {
    const { at } = this;
    if (n > this.bytes.length - at) this.ended();
    this.at += n;
    return at;
  }

  u8(): number {
    return this.bytes[this.skip(1)]!;
  }

  u16(): number {
    return this.view.getUint16(this.skip(2), true);
  }

  u32(): number {
    return this.view.getUint32(this.skip(4), true);
  }

  i32(): number {
    return this.view.getInt32(this.skip(4), true);
  }

  /** A length of 8 bytes. */
  u64(): number {
    const value = Number(this.view.getBigUint64(this.skip(8), true));
    return Number.isSafeInteger(value) ? value : this.refuse(`${value} bytes of text`);
  }

  /** Big-endian, unlike all else. */
  f64(): number {
    return this.view.getFloat64(this.skip(8), false);
  }

  /** n bytes, not copied. */
  raw(n: number): Uint8Array {
    const at = this.skip(n);
    return this.bytes.subarray(at, at + n);
  }

  /** n bytes of UTF-8; what Python allows and UTF-8 does not (lone surrogates) becomes U+FFFD. */
  utf8(n: number): string {
    return utf8.decode(this.raw(n));
  }

  /** n bytes of a str of Python 2, one character each: names in files of PyTorch from then are ASCII. */
  latin1(n: number): string {
    return latin1(this.raw(n));
  }

  /** Up to the next end of line, without it. */
  line(): string {
    const length = this.bytes.subarray(this.at, this.at + MAX_LINE_BYTES + 1).indexOf(10);
    if (length < 0) return this.bytes.length - this.at > MAX_LINE_BYTES ? this.refuse(`a line of more than ${MAX_LINE_BYTES} bytes`) : this.ended();
    const text = this.utf8(length);
    this.at++;
    return text;
  }

  /** n bytes of a whole number with sign, little-endian; a bigint beyond 2^53. */
  long(n: number): number | bigint {
    if (n < 0 || n > MAX_INTEGER_BYTES) this.refuse(`a whole number of ${n} bytes`);
    return whole(this.raw(n).reduceRight((value, byte) => value * 256n + BigInt(byte), 0n), n);
  }

  /** A whole number in digits. */
  digits(text: string): number | bigint {
    if (!/^[+-]?\d{1,40}$/.test(text)) this.refuse("a line that should be a whole number");
    const value = BigInt(text.replace("+", ""));
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
}

/** Bytes as characters U+0000 .. U+00FF. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}

/** Two's complement of n bytes. */
function whole(unsigned: bigint, n: number): number | bigint {
  const value = BigInt.asIntN(8 * n, unsigned);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
