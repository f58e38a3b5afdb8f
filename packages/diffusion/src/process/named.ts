/** Every process by its name: schedules of T steps, the one that is given by its betas, and those without steps. */
import { ConfigError } from "@fromnoise/tensor";
import { betasProcess } from "./betas.js";
import type { ContinuousProcess } from "./continuous.js";
import { edmProcess } from "./edm.js";
import { flowProcess } from "./flow.js";
import { cosineProcess, linearProcess, type LogSnrOptions } from "./log-snr.js";
import { discreteProcess, type Process } from "./process.js";
import { SCHEDULE_NAMES, type ScheduleOptions } from "./schedules.js";

/** The processes without steps; those made with a shift of the log-SNR take one. */
const continuous = {
  "continuous-cosine": { make: cosineProcess, shifts: true },
  "continuous-linear": { make: linearProcess, shifts: true },
  "flow": { make: flowProcess, shifts: false },
  "edm": { make: edmProcess, shifts: false },
} as const satisfies Readonly<Record<string, { make(options: LogSnrOptions): ContinuousProcess; shifts: boolean }>>;

type ContinuousName = keyof typeof continuous;
const CONTINUOUS_NAMES = Object.keys(continuous) as readonly ContinuousName[];

/** The names that `processOf` knows. */
export const PROCESS_NAMES = [...SCHEDULE_NAMES, "betas", ...CONTINUOUS_NAMES] as const;
/** A process by its name in configurations. */
export type ProcessName = (typeof PROCESS_NAMES)[number];

/** A process as configurations and files hold it. Number of steps, betas and zeroTerminalSnr are for schedules of steps. */
export interface ProcessOptions extends Omit<ScheduleOptions, "name"> {
  readonly name: ProcessName;
  /** The betas of the process `betas`, one for each of its steps. */
  readonly betas?: readonly number[] | undefined;
  /** Added to the log-SNR of continuous-cosine and continuous-linear: 2 ln(64 / d) for images of side d; default 0. */
  readonly logSnrShift?: number;
  /** What the network is told of step t is t times this: 1000 / T of improved-diffusion; of schedules of steps, default 1. */
  readonly timeScale?: number;
  /** Standard deviation of what is noised, by which the prediction edm scales, see `predictionFor`; default 0.5. */
  readonly sigmaData?: number;
}

/** Whether these are the options of a schedule that has a name. */
export function isSchedule(options: ProcessOptions): options is ProcessOptions & ScheduleOptions {
  return (SCHEDULE_NAMES as readonly string[]).includes(options.name);
}

/**
 * The process that the options describe: the one way from a configuration, or a file, to a process.
 * Throws ConfigError as discreteProcess does, and for an option given to a process that does not have it.
 */
export function processOf(options: ProcessOptions): Process {
  const { name, logSnrShift = 0, zeroTerminalSnr = false, timeScale = 1, betas } = options;
  const refuse = (field: string, value: unknown, processes: readonly string[], none: string): never => {
    throw new ConfigError(`schedule.${field}: ${String(value)} is not for the process ${name}`, [`allowed  ${none}; others for ${processes.join(", ")}`]);
  };
  const shifting = CONTINUOUS_NAMES.filter((process) => continuous[process].shifts);
  if (name !== "betas" && betas !== undefined) return refuse("betas", `${betas.length} of them`, ["betas"], "none");
  if (name === "betas") return logSnrShift === 0 ? betasProcess(options) : refuse("logSnrShift", logSnrShift, shifting, "0");
  if (isSchedule(options)) return logSnrShift === 0 ? discreteProcess(options, timeScale) : refuse("logSnrShift", logSnrShift, shifting, "0");
  if (zeroTerminalSnr) return refuse("zeroTerminalSnr", true, [...SCHEDULE_NAMES, "betas"], "false");
  if (timeScale !== 1) return refuse("timeScale", timeScale, [...SCHEDULE_NAMES, "betas"], "1");
  const { make, shifts } = continuous[name as ContinuousName];
  if (!shifts && logSnrShift !== 0) return refuse("logSnrShift", logSnrShift, shifting, "0");
  return make({ shift: logSnrShift });
}
