/** Axes: where the ticks are, what they are called, and where a value lies. */

interface Tick {
  readonly value: number;
  readonly label: string;
}

export interface Axis {
  readonly ticks: readonly Tick[];
  /** 0 at the axis' lower end, 1 at its upper end. */
  position(value: number): number;
}

/**
 * A linear axis over [min, max], with `margin` of its length free at both ends: ticks at multiples of 1, 2 or 5 times a
 * power of ten, at most `count` + 1 of them. An empty range is widened.
 */
export function linearAxis(min: number, max: number, count: number, margin = 0): Axis {
  const [low, high] = widen(min, max, margin);
  const step = niceStep((high - low) / count);
  const unit = unitOf(Math.max(Math.abs(low), Math.abs(high)));
  const ticks: Tick[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) {
    ticks.push({ value: k * step, label: formatTick(k * step, step, unit) });
  }
  return { ticks, position: (value) => (value - low) / (high - low) };
}

/**
 * A logarithmic axis over [min, max], both > 0: ticks at the powers of ten, or at 1, 2, 5 times them while these are at
 * most `count` + 1; at even steps where the range is within a factor of 3.
 */
export function logAxis(min: number, max: number, count: number, margin = 0): Axis {
  const [low, high] = widen(Math.log10(min), Math.log10(max), margin);
  const within = (value: number): boolean => value >= 10 ** low * (1 - 1e-9) && value <= 10 ** high * (1 + 1e-9);
  const candidates = (mantissas: readonly number[]): number[] => {
    const values: number[] = [];
    for (let e = Math.floor(low); e <= Math.ceil(high); e++) values.push(...mantissas.map((m) => Number(`${m}e${e}`)));
    return values.filter(within);
  };
  const fine = candidates([1, 2, 5]);
  const values = fine.length <= count + 1 ? fine : candidates([1]);
  const ticks = high - low < Math.log10(3) ? linearAxis(10 ** low, 10 ** high, count).ticks
    : values.map((value) => ({ value, label: formatTick(value, value, unitOf(value)) }));
  return { ticks, position: (value) => (Math.log10(value) - low) / (high - low) };
}

function widen(min: number, max: number, margin: number): [low: number, high: number] {
  const extra = max > min ? (max - min) * margin : Math.max(Math.abs(min) * 0.1, 0.1);
  return [min - extra, max + extra];
}

/** The smallest of 1, 2, 5 times a power of ten that is >= step. */
function niceStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return power * ([1, 2, 5].find((m) => m * power >= step * (1 - 1e-9)) ?? 10);
}

/** Millions from 1e6, thousands from 1e4, else one. */
function unitOf(largest: number): number {
  return largest >= 1e6 ? 1e6 : largest >= 1e4 ? 1e3 : 1;
}

/** As many decimals as the step needs, as "15k" or "1.5M" in units of a thousand or a million; tiny values as 1e-5. */
function formatTick(value: number, step: number, unit: number): string {
  if (Math.abs(value) < step / 1e6) return "0";
  if (step < 1e-4) return Number(value.toPrecision(3)).toExponential();
  const places = Math.max(0, -Math.floor(Math.log10(step / unit) + 1e-9));
  const text = (value / unit).toFixed(places);
  return (places > 0 ? text.replace(/\.?0+$/, "") : text) + (unit === 1e6 ? "M" : unit === 1e3 ? "k" : "");
}
