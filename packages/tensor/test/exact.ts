/** Logarithm, sine and cosine in fixed point with 256 fractional bits: what the tests measure last places against. */

const BITS = 256n;
const ONE = 1n << BITS;

/** The exact value of a double with |x| < 2^64 that has no bits below 2^-256. */
export function toFixed(x: number): bigint {
  const whole = Math.trunc(x);
  let rest = x - whole;
  let fixed = BigInt(whole) << BITS;
  for (let shift = BITS; rest !== 0; ) {
    shift -= 32n;
    rest *= 4294967296;
    const digit = Math.trunc(rest);
    rest -= digit;
    fixed += BigInt(digit) << shift;
  }
  return fixed;
}

/** 2 artanh(p/q) = 2 (s + s^3/3 + s^5/5 + ...), s = p/q. */
function twoArtanh(p: bigint, q: bigint): bigint {
  const s = p * ONE / q;
  const z = s * s >> BITS;
  let sum = 0n;
  for (let power = s, n = 1n; power !== 0n && power !== -1n; power = power * z >> BITS, n += 2n) sum += power / n;
  return 2n * sum;
}

/** ln x for a double x > 0. */
export function exactLog(x: number): bigint {
  let k = 0n;
  while (x >= 1.5) { x /= 2; k++; }
  while (x < 0.75) { x *= 2; k--; }
  const m = toFixed(x);
  return k * twoArtanh(1n, 3n) + twoArtanh(m - ONE, m + ONE);
}

/** arctan(1/n). */
function arctanInverse(n: bigint): bigint {
  let sum = 0n;
  for (let power = ONE / n, k = 1n; power !== 0n; power = -power / (n * n), k += 2n) sum += power / k;
  return sum;
}

/** pi by Machin's formula. */
const PI = 4n * (4n * arctanInverse(5n) - arctanInverse(239n));

/** [cos(2 pi u), sin(2 pi u)] by their Taylor series. */
export function exactUnitCircle(u: number): [cos: bigint, sin: bigint] {
  const x = 2n * PI * toFixed(u) >> BITS;
  const sums: [bigint, bigint] = [0n, 0n];
  for (let term = ONE, n = 0n; term !== 0n && term !== -1n; n++, term = (term * x >> BITS) / n) {
    sums[Number(n % 2n)] += n % 4n < 2n ? term : -term;
  }
  return sums;
}

/** e^x for |x| < 64: Taylor series. */
export function exactExp(x: number): bigint {
  const fixed = toFixed(x);
  let sum = 0n;
  for (let term = ONE, n = 1n; term !== 0n && term !== -1n; term = (term * fixed >> BITS) / n++) sum += term;
  return sum;
}

/** [cos x, sin x] for |x| < 2^20, by the series after whole turns are taken off. */
export function exactCosSin(x: number): [cos: bigint, sin: bigint] {
  const turn = 2n * PI;
  const rest = toFixed(x) % turn;
  const sums: [bigint, bigint] = [0n, 0n];
  for (let term = ONE, n = 0n; term !== 0n && term !== -1n; n++, term = (term * rest >> BITS) / n) {
    sums[Number(n % 2n)] += n % 4n < 2n ? term : -term;
  }
  return sums;
}

/** |y - exact| in units of the last place of y (normal numbers below 2^52). */
export function ulps(y: number, exact: bigint): number {
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(y))) - 52);
  const difference = toFixed(y) - exact;
  return Number((difference < 0n ? -difference : difference) * 1000000n / toFixed(unit)) / 1e6;
}
