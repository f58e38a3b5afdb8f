import type { DType } from "../../kernels/contract.js";

/** Numbers as words of one width: all fixed or all scientific, with the fewest digits that tell values of the dtype apart. */
export function formatNumbers(values: readonly number[], dtype: DType, precision: number): string[] {
  const magnitudes = values.filter((x) => Number.isFinite(x) && x !== 0).map(Math.abs);
  const largest = Math.max(...magnitudes);
  const smallest = Math.min(...magnitudes);
  const scientific = magnitudes.length > 0 && (largest >= 1e8 || smallest < 1e-4 || largest / smallest > 1000);
  const words = scientific ? scientificWords(values, dtype, precision) : fixedWords(values, dtype, precision);
  const width = Math.max(...words.map((word) => word.length));
  return words.map((word) => word.padStart(width));
}

/** "1.5 ", "2.25": points under each other, blanks instead of closing zeros. */
function fixedWords(values: readonly number[], dtype: DType, precision: number): string[] {
  const parts = values.map((x) => {
    if (!Number.isFinite(x)) return undefined;
    const { digits, exponent } = shortest(x, dtype);
    return (signOf(x) + Math.abs(x).toFixed(Math.min(precision, Math.max(0, digits - 1 - exponent)))).split(".");
  });
  const fractions = parts.map((part) => (part?.[1] ?? "").replace(/0+$/, ""));
  const width = Math.max(...fractions.map((fraction) => fraction.length));
  return parts.map((part, i) => (part === undefined ? special(values[i]) : `${part[0]}.${fractions[i].padEnd(width)}`));
}

/** "1.50e+00", "2.25e-05": as many digits for all as the longest needs. */
function scientificWords(values: readonly number[], dtype: DType, precision: number): string[] {
  const finite = values.filter(Number.isFinite);
  const digits = Math.max(...finite.map((x) => significant(x, Math.min(precision, shortest(x, dtype).digits - 1))));
  return values.map((x) => {
    if (!Number.isFinite(x)) return special(x);
    const [mantissa, exponent] = Math.abs(x).toExponential(digits).split("e");
    return `${signOf(x)}${mantissa}${digits === 0 ? "." : ""}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  });
}

/** Digits after the point that are left when x is rounded to `digits` of them and closing zeros fall off. */
function significant(x: number, digits: number): number {
  const [, fraction = ""] = x.toExponential(digits).split("e")[0].split(".");
  return fraction.replace(/0+$/, "").length;
}

/** Number of digits, and the exponent, of the shortest decimal that reads back as x in its dtype. */
function shortest(x: number, dtype: DType): { digits: number; exponent: number } {
  let text = x.toExponential();
  for (let p = 0; dtype === "f32" && p <= 8; p++) {
    text = x.toExponential(p);
    if (Math.fround(Number(text)) === x) break;
  }
  const [mantissa, exponent] = text.split("e");
  return { digits: mantissa.replace(/[-.]/g, "").length, exponent: Number(exponent) };
}

function signOf(x: number): string {
  return x < 0 || Object.is(x, -0) ? "-" : "";
}

function special(x: number): string {
  return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
}
