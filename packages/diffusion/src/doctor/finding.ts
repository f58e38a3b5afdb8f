/** What the doctor says: figures with what is usual, and findings where a figure is not. */

/** A figure that was measured, beside what healthy models have. */
export interface Figure {
  /** What was measured: "noise in the samples". */
  readonly what: string;
  /** With its unit, for people. */
  readonly found: string;
  readonly usual: string;
}

/** A figure that is not as it should be. */
export interface Finding extends Figure {
  /** Which finding, for programs: "noise-left". */
  readonly name: string;
  /** `fault`: samples cannot be good; `warning`: they may be better. */
  readonly severity: "fault" | "warning";
  /** What to change. */
  readonly change: string;
}

/** What an examination found out. */
export interface Examined {
  readonly figures: readonly Figure[];
  readonly findings: readonly Finding[];
}

/** Figures and findings in the order in which an examination comes to them. */
export class Report implements Examined {
  readonly figures: Figure[] = [];
  readonly findings: Finding[] = [];

  /** Adds a figure, and a finding of it where `wrong` says that it is one. */
  add(figure: Figure, wrong?: false | Omit<Finding, keyof Figure> | undefined): void {
    this.figures.push(figure);
    if (wrong !== undefined && wrong !== false) this.findings.push({ ...wrong, ...figure });
  }
}

/** A finding in one line: "noise in the samples: 0.21; usual 0.02 .. 0.08. Change: ...". */
export function findingLine({ severity, what, found, usual, change }: Finding): string {
  return `${severity}: ${what}: ${found}; usual: ${usual}. ${change}`;
}

/** Three digits: 0.0312, 12.3, 1.02e-7. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (value === 0) return "0";
  return size >= 1e5 || size < 1e-4 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

export function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
