/** The two 16-bit floating-point formats that checkpoints use, widened to f32 without loss; and numbers rounded to the first of them. */

/** From here on F16 rounds to infinity. */
export const HALF_LIMIT = 65520;

/** F16 (IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits) of every bit pattern; made at first use. */
let f16Values: Float32Array | undefined;

/** (-1)^sign (1 + fraction / 1024) 2^(exponent - 15); exponent 0: fraction 2^-24; exponent 31: infinity or NaN. */
function f16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction / 2 ** 24 : (1024 + fraction) / 2 ** (25 - exponent));
}

/** Values of F16 bit patterns. */
export function f16ToF32(bits: Uint16Array): Float32Array {
  const values = (f16Values ??= Float32Array.from({ length: 65536 }, (_, i) => f16Value(i)));
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = values[bits[i]!]!;
  return out;
}

/** F16 bit patterns of the nearest values, of two equally near ones the even one, as IEEE 754 rounds; Infinity from HALF_LIMIT on. */
export function toF16(values: ArrayLike<number>): Uint16Array {
  return Uint16Array.from(values, f16Bits);
}

/** With 2^e the step's power of two, at least 2^-14, a value is n steps of 2^(e-10), n < 2048: the pattern is 1024 (e + 14) + n. */
function f16Bits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0, a = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (a >= HALF_LIMIT) return sign | 0x7c00;
  let e = Math.max(-14, Math.floor(Math.log2(a)));
  if (a < 2 ** e && e > -14) e--;                                              // where the logarithm was rounded up
  const steps = a / 2 ** (e - 10), down = Math.floor(steps), rest = steps - down;
  const n = rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
  return sign | (1024 * (e + 14) + n);
}

/** Values of BF16 bit patterns: the upper half of an f32. */
export function bf16ToF32(bits: Uint16Array): Float32Array {
  const out = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = bits[i]! << 16;
  return new Float32Array(out.buffer);
}
