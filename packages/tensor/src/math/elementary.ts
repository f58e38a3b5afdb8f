/**
 * Logarithm, sine and cosine from + - * / only. ECMAScript leaves the last bits of Math.log, Math.cos and Math.sin to
 * the engine; these give the same bits in every engine, as reproducible noise needs. Errors are below 1.5 units in the
 * last place (the tests measure them against 128-bit integer arithmetic).
 */

const float = new Float64Array(1);
const words = new Int32Array(float.buffer);
float[0] = 1;
const HIGH = words[1] === 0 ? 0 : 1;  // which of the two words of a double holds sign and exponent on this machine

/** ln 2 = LN2_HEAD + LN2_TAIL; the head has 40 bits, so that k * LN2_HEAD is exact for every exponent k. */
const LN2_HEAD = 762123384785 / 1099511627776;
const LN2_TAIL = 7.371002565167799e-13;
const HALF_PI = 1.5707963267948966;

/**
 * Natural logarithm. With x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), and s = f / (2 + f):
 * ln x = k ln 2 + 2 artanh s,  2 artanh s = 2s + s R = f - s (f - R),  R = 2 s^2/3 + 2 s^4/5 + ... + 2 s^20/21.
 * |s| < 0.1716, so the terms left out are below 1e-18 relative. log(0) = -Infinity; a negative x gives NaN.
 */
export function log(x: number): number {
  if (!(x > 0 && x < Infinity)) return x === 0 ? -Infinity : x === Infinity ? x : NaN;
  let k = 0;
  if (x < 2.2250738585072014e-308) {  // subnormal: scale by 2^54
    x *= 18014398509481984;
    k = -54;
  }
  float[0] = x;
  const high = words[HIGH]!;
  k += (high >> 20) - 1023;
  words[HIGH] = (high & 0xfffff) | 0x3ff00000;  // exponent 0: 1 <= m < 2
  let m = float[0];
  if (m >= 1.4142135623730951) {
    m *= 0.5;
    k++;
  }
  const f = m - 1;
  const s = f / (2 + f);
  const z = s * s;
  const R = z * (2 / 3 + z * (2 / 5 + z * (2 / 7 + z * (2 / 9 + z * (2 / 11 + z * (2 / 13
    + z * (2 / 15 + z * (2 / 17 + z * (2 / 19 + z * (2 / 21))))))))));
  return k * LN2_HEAD - ((s * (f - R) - k * LN2_TAIL) - f);
}

/** sin x for |x| <= pi/4: Taylor series to x^17 (remainder below 1e-19 relative). */
function sinKernel(x: number): number {
  const z = x * x;
  const tail = -1 / 6 + z * (1 / 120 + z * (-1 / 5040 + z * (1 / 362880 + z * (-1 / 39916800
    + z * (1 / 6227020800 + z * (-1 / 1307674368000 + z * (1 / 355687428096000)))))));
  return x + x * z * tail;
}

/** cos x for |x| <= pi/4: Taylor series to x^16 (remainder below 1e-17); 1 - z/2 is summed with its rounding error. */
function cosKernel(x: number): number {
  const z = x * x;
  const half = 0.5 * z;
  const head = 1 - half;
  const tail = z * z * (1 / 24 + z * (-1 / 720 + z * (1 / 40320 + z * (-1 / 3628800
    + z * (1 / 479001600 + z * (-1 / 87178291200 + z * (1 / 20922789888000)))))));
  return head + ((1 - head - half) + tail);
}

/**
 * The point at a fraction u in [0, 1] of the way round the unit circle: out[at] = cos(2 pi u), out[at + 1] = sin(2 pi u).
 * The quadrant is taken off in turns, where that is exact: 4u = q + r, |r| <= 1/2, and the angle left is r pi/2.
 */
export function unitCircle(u: number, out: Float64Array, at = 0): void {
  const q = Math.floor(4 * u + 0.5);
  const x = (4 * u - q) * HALF_PI;
  const c = cosKernel(x), s = sinKernel(x);
  const odd = (q & 1) === 1, lower = (q & 2) === 2;
  const cos = odd ? -s : c, sin = odd ? c : s;
  out[at] = lower ? -cos : cos;
  out[at + 1] = lower ? -sin : sin;
}
