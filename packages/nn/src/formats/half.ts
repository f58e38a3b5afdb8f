/** The two 16-bit floating-point formats that checkpoints use, widened to f32 without loss. */

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

/** Values of BF16 bit patterns: the upper half of an f32. */
export function bf16ToF32(bits: Uint16Array): Float32Array {
  const out = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = bits[i]! << 16;
  return new Float32Array(out.buffer);
}
