/**
 * Functions that kernels may call, in the JavaScript that gpu.js translates. The GPU's own sine, cosine and hyperbolic tangent may
 * err by more than f32 rounding, and it has no error function.
 */

/** 1 / (1 + e^-x); the exponential is only taken of numbers <= 0, so it never overflows. */
const sigmoid = `function sigmoid(x) {
  const e = Math.exp(-Math.abs(x));
  if (x >= 0) { return 1 / (1 + e); }
  return e / (1 + e);
}`;

const silu = `function silu(x) {
  return x * sigmoid(x);
}`;

/** silu'(x) = s (1 + x (1 - s)), s = sigmoid(x), and 1 - sigmoid(x) = sigmoid(-x): one exponential serves both. */
const siluSlope = `function siluSlope(x) {
  const e = Math.exp(-Math.abs(x));
  const large = 1 / (1 + e);
  const small = e / (1 + e);
  if (x >= 0) { return large * (1 + x * small); }
  return small * (1 + x * large);
}`;

/** tanh x = (1 - e) / (1 + e), e = exp(-2 |x|); near 0, where 1 - e cancels, the Taylor series. */
const tanh = `function hyperbolicTangent(x) {
  const z = x * x;
  if (z < 0.04) {
    return x * (1 + z * (-0.3333333333333333 + z * (0.13333333333333333 + z * (-0.05396825396825397 + z * 0.021869488536155203))));
  }
  const e = Math.exp(-2 * Math.abs(x));
  if (x < 0) { return (e - 1) / (1 + e); }
  return (1 - e) / (1 + e);
}`;

/** erf x = 2/sqrt(pi) e^(-x^2) (x + 2 x^3/3 + 4 x^5/(3 5) + ...): only positive terms (Abramowitz and Stegun, 7.1.6). */
const erf = `function errorFunction(x) {
  if (x >= 4) { return 1; }
  if (x <= -4) { return -1; }
  let term = x;
  let sum = x;
  for (let k = 1; k < 64; k++) {
    term *= 2 * x * x / (2 * k + 1);
    sum += term;
  }
  return 1.1283791670955126 * Math.exp(-x * x) * sum;
}`;

/**
 * Phi(x), the normal distribution, = erfc(-x / sqrt 2) / 2. Where erfc is small it comes from the continued fraction
 * erfc z = e^(-z^2)/sqrt(pi) 1/(z + (1/2)/(z + (2/2)/(z + ...))) (7.1.14), since 1 - erf would cancel.
 */
const normalCdf = `function normalCdf(x) {
  const z = Math.abs(x) * 0.7071067811865476;
  if (z < 1.2) { return 0.5 + 0.5 * errorFunction(x * 0.7071067811865476); }
  let tail = z;
  for (let m = 0; m < 32; m++) {
    tail = z + (32 - m) * 0.5 / tail;
  }
  const small = 0.28209479177387814 * Math.exp(-z * z) / tail;
  if (x < 0) { return small; }
  return 1 - small;
}`;

const gelu = `function gelu(x) {
  return x * normalCdf(x);
}`;

/** gelu'(x) = Phi(x) + x phi(x). */
const geluSlope = `function geluSlope(x) {
  return normalCdf(x) + x * 0.3989422804014327 * Math.exp(-0.5 * x * x);
}`;

/**
 * sin x by quarter turns: x = q pi/2 + r, |r| <= pi/4, where pi/2 is taken off in three parts, the first two short enough to be
 * exact when multiplied by q; then the Taylor series of the sine or cosine of r, by the quadrant (q + shift) mod 4.
 */
const circle = `function circle(x, shift) {
  const q = Math.floor(x * 0.6366197723675814 + 0.5);
  const r = ((x - q * 1.5703125) - q * 0.0004837512969970703) - q * 7.549789948768648e-8;
  const turn = q + shift;
  const quadrant = turn - 4 * Math.floor((turn + 0.5) / 4);
  const z = r * r;
  const sine = r + r * z * (-0.16666666666666666 + z * (0.008333333333333333 + z * (-0.0001984126984126984 + z * 0.0000027557319)));
  const cosine = 1 - 0.5 * z + z * z * (0.041666666666666664 + z * (-0.001388888888888889 + z * 0.0000248015873));
  if (quadrant < 0.5) { return sine; }
  if (quadrant < 1.5) { return cosine; }
  if (quadrant < 2.5) { return -sine; }
  return -cosine;
}`;

/** a^b: the GPU takes powers of positive numbers, not quite 0 of 0; a negative one has a power where b is whole. */
const power = `function power(a, b) {
  if (b === 0) { return 1; }
  if (a === 0 && b > 0) { return 0; }
  const size = Math.pow(Math.abs(a), b);
  if (a >= 0) { return size; }
  if (Math.floor(b) !== b) { return Math.sqrt(a); }
  const half = Math.floor(b * 0.5);
  if (half * 2 === b) { return size; }
  return -size;
}`;

/** Number k of a quad. */
export const component = `function component(v, k) {
  if (k < 0.5) { return v[0]; }
  if (k < 1.5) { return v[1]; }
  if (k < 2.5) { return v[2]; }
  return v[3];
}`;

export const functions: readonly string[] = [sigmoid, silu, siluSlope, tanh, erf, normalCdf, gelu, geluSlope, circle, power];
