/**
 * Logarithm, exponential, powers, sine and cosine from + - * / only. ECMAScript leaves the last bits of Math.log, Math.exp, Math.pow,
 * Math.cos and Math.sin to the engine; these give the same bits in every engine, as reproducible noise, schedules, time embeddings
 * and bias corrections need: a run goes on in another version of Node as if it had stayed. Errors are below 1.5 units in the last
 * place (the tests measure them against 128-bit integer arithmetic), of `power` below 2^-52 (2 + |y ln x|) relative.
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

/**
 * e^x. With x = k ln 2 + r, |r| <= ln 2 / 2: 2^k (1 + r + r^2/2! + ... + r^13/13!), remainder below 5e-18. 0 below -745.2,
 * Infinity above 709.8.
 */
export function exp(x: number): number {
  if (!(x > -746 && x < 710)) return x <= -746 ? 0 : x >= 710 ? Infinity : NaN;
  const k = Math.floor(x / (LN2_HEAD + LN2_TAIL) + 0.5);
  const high = x - k * LN2_HEAD, low = k * LN2_TAIL;
  const r = high - low;
  const lost = high - r - low;                                                        // what rounding took from r
  const tail = r * r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r * (1 / 5040 + r * (1 / 40320
    + r * (1 / 362880 + r * (1 / 3628800 + r * (1 / 39916800 + r * (1 / 479001600 + r * (1 / 6227020800))))))))))));
  const value = 1 + (r + (tail + lost));
  const half = k >> 1;                                                                // 2^k itself may be beyond all doubles
  return value * powerOfTwo(half) * powerOfTwo(k - half);
}

/** 2^k for |k| <= 1022. */
function powerOfTwo(k: number): number {
  words[HIGH] = (k + 1023) << 20;
  words[1 - HIGH] = 0;
  return float[0];
}

/** x^n for n = 0, 1, 2, ...: products by repeated squaring. */
export function integerPower(x: number, n: number): number {
  let result = 1;
  for (let base = x, left = n; left > 0; left = Math.floor(left / 2), base *= base) if (left % 2 === 1) result *= base;
  return result;
}

/** x^y for x >= 0, as e^(y ln x). */
export function power(x: number, y: number): number {
  return y === 0 ? 1 : exp(y * log(x));
}

/** pi / 2 in three parts of 33 bits, and the rest: products of the first two with whole numbers up to 2^20 are exact. */
const HALF_PI_PARTS = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.478427660368899e-32] as const;
const FARTHEST = 2 ** 20;

/** cos x and sin x, for |x| up to 2^20 (1,048,576): the quarters of a turn are taken off in parts. Throws RangeError beyond. */
function cosSin(x: number): readonly [cos: number, sin: number] {
  if (!(Math.abs(x) <= FARTHEST)) {
    if (Number.isNaN(x)) return [NaN, NaN];
    throw new RangeError(`sine and cosine of ${x}: the angle is too large for exact bits, allowed up to ${FARTHEST}`);
  }
  const q = Math.floor(x / HALF_PI + 0.5);
  const [first, second, third, fourth] = HALF_PI_PARTS;
  const a = x - q * first;                                                            // exact
  const b = q * second;
  const high = a - b;
  const lost = a - high - b;
  const r = high + (lost - q * third - q * fourth);
  const rest = high - r + (lost - q * third - q * fourth);
  const c = cosKernel(r), s = sinKernel(r);
  const [cos, sin] = [c - s * rest, s + c * rest];                                    // cos and sin of r + rest
  const odd = (q & 1) === 1, lower = (q & 2) === 2;
  const [x1, y1] = odd ? [-sin, cos] : [cos, sin];
  return lower ? [-x1, -y1] : [x1, y1];
}

/** cos x. Throws RangeError for |x| above 2^20. */
export function cos(x: number): number {
  return cosSin(x)[0];
}

/** sin x. Throws RangeError for |x| above 2^20. */
export function sin(x: number): number {
  return cosSin(x)[1];
}

/** e^x - 1, accurate near 0 too: Taylor series to x^15 for |x| < 0.35 (remainder below 4e-19 relative). */
export function expm1(x: number): number {
  if (!(Math.abs(x) < 0.35)) return exp(x) - 1;
  let sum = 0;
  for (let n = 15; n >= 1; n--) sum = (x / n) * (1 + sum);
  return sum;
}

/** ln(1 + x), accurate near 0 too: with u = 1 + x as rounded, ln(u) x / (u - 1) (Goldberg 1991, theorem 4). */
export function log1p(x: number): number {
  const u = 1 + x;
  return u === 1 || u === Infinity ? x : (log(u) * x) / (u - 1);
}

/**
 * The angle whose tangent is x >= 0. Beyond 1 it is pi/2 - atan(1/x); atan x = 2 atan(x / (1 + sqrt(1 + x^2))) three times leaves
 * x < 0.0985, where the series x - x^3/3 + ... to x^17 stops below 1e-19 relative.
 */
export function atan(x: number): number {
  if (x > 1) return HALF_PI - atan(1 / x);
  let r = x;
  for (let halved = 0; halved < 3; halved++) r = r / (1 + Math.sqrt(1 + r * r));
  const z = r * r;
  return 8 * (r + r * z * (-1 / 3 + z * (1 / 5 + z * (-1 / 7 + z * (1 / 9 + z * (-1 / 11 + z * (1 / 13 + z * (-1 / 15 + z / 17))))))));
}
