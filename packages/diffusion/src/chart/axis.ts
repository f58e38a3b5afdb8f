/** Axes: where a value lies, where the ticks are, and what they are called. */
import { scaleLinear, scaleLog, tickFormat } from "d3-scale";

interface Tick {
  readonly value: number;
  readonly label: string;
}

export interface Axis {
  readonly ticks: readonly Tick[];
  /** The pixel of a value. */
  at(value: number): number;
}

export interface AxisOptions {
  /** Pixels of the lower and the upper end. */
  readonly range: readonly [number, number];
  readonly log?: boolean;
  /** Whether ticks may stand so near each other; the finest that may are taken. */
  readonly fits: (ticks: readonly Tick[], at: (value: number) => number) => boolean;
}

/**
 * An axis over [min, max], both > 0 where it is logarithmic. Ticks are at multiples of 1, 2 or 5 times a power of ten; on a logarithmic axis
 * at 1, 2, 5 times powers of ten, at powers of ten, or at some of them.
 */
export function axis([min, max]: readonly [number, number], { range, log = false, fits }: AxisOptions): Axis {
  const scale = (log ? scaleLog() : scaleLinear()).domain([min, max]).range(range);
  const at = (value: number): number => scale(value);
  const choices = log ? [...logTicks(min, max), ...linearTicks(min, max)] : linearTicks(min, max);
  return { ticks: choices.find((ticks) => fits(ticks, at)) ?? [], at };
}

/**
 * [min, max] with `margin` of its length more at both ends, in powers where the axis is logarithmic. A range without length is widened, one
 * without anything becomes 0 .. 1.
 */
export function widened([min, max]: readonly [number, number], margin: number, log: boolean): [number, number] {
  if (min > max) return log ? [0.1, 1] : [0, 1];
  if (log) {
    const extra = max > min ? (Math.log10(max) - Math.log10(min)) * margin : 0.1;
    return [min / 10 ** extra, max * 10 ** extra];
  }
  const extra = max > min ? (max - min) * margin : Math.max(Math.abs(min) * 0.1, 0.1);
  return [min - extra, max + extra];
}

/** From fine to coarse. */
function linearTicks(min: number, max: number): Tick[][] {
  return [10, 8, 6, 5, 4, 3, 2, 1].map((count) => {
    const values = scaleLinear().domain([min, max]).ticks(count);
    const write = tickFormat(min, max, count, formOf(Math.max(Math.abs(min), Math.abs(max))));
    return values.map((value) => ({ value, label: value === 0 ? "0" : write(value) }));
  });
}

/** From fine to coarse, those with three ticks or more. */
function logTicks(min: number, max: number): Tick[][] {
  const [first, last] = [Math.floor(Math.log10(min)), Math.ceil(Math.log10(max))];
  const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const inside = (value: number): boolean => value >= min * (1 - 1e-9) && value <= max * (1 + 1e-9);
  const ofPowers = (mantissas: readonly number[], every: number): Tick[] => (
    powers.filter((power) => power % every === 0).flatMap((power) => mantissas.map((mantissa) => Number(`${mantissa}e${power}`)))
      .filter(inside).map((value) => ({ value, label: tickFormat(0, value, 1, formOf(value))(value) }))
  );
  return [ofPowers([1, 2, 5], 1), ...[1, 2, 3, 4, 5, 10, 20, 50, 100].map((every) => ofPowers([1], every))].filter((ticks) => ticks.length > 2);
}

/** How numbers of a size are written, in the notation of d3-format: 15k, 1.5M from ten thousand on, 2e-5 below a ten-thousandth. */
function formOf(largest: number): string | undefined {
  if (largest >= 1e4 && largest < 1e15) return "~s";
  return largest >= 1e15 || (largest < 1e-4 && largest > 0) ? "~e" : undefined;
}
