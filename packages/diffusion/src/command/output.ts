/**
 * What the command prints, and what becomes of it where nobody takes its output any more: a closed pipe, a closed terminal, a full
 * disk.
 */
import { failureReason } from "@fromnoise/nn";
import { colouredError, colouredHelp } from "./colours.js";

let working = 0;

/**
 * Runs work that goes on when nobody reads what it prints: a training that has lost its terminal, or whose log's disk is full, is
 * worth more than its lines.
 */
export async function withoutReaders<T>(work: () => Promise<T>): Promise<T> {
  working++;
  try {
    return await work();
  } finally {
    await new Promise(setImmediate);                                                  // the last line's error comes a turn later
    working--;
  }
}

/** From now on standard output and standard error end the program quietly where a reader such as `head` has enough. */
export function watchOutput(): void {
  if (!process.stdout.listeners("error").includes(outputFailed)) process.stdout.on("error", outputFailed);
  if (!process.stderr.listeners("error").includes(ignore)) process.stderr.on("error", ignore);
}

function outputFailed(error: NodeJS.ErrnoException): void {
  if (working > 0) return;
  if (error.code === "EPIPE" || error.code === "EIO") process.exit(0);
  console.error(`cannot write to standard output: ${failureReason(error)}`);
  process.exit(1);
}

/** There is nowhere left to say it. */
function ignore(): void {}

/** What moves a cursor, changes colours, rings, or turns the direction of writing; not tabs and ends of lines. */
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text with control characters written out: "\\u001b[31m". Names of files and tensors come from wherever, and go to a terminal. */
export function printable(text: string): string {
  return text.replace(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Makes console.log and console.error print nothing but what is printable, errors in colours where standard error has them, until
 * `restore` is called. `printHelp` prints a text of our own, in colours where standard output has them.
 */
export function printOnlyPrintable(): { restore(): void; printHelp(text: string): void } {
  const { log, error } = console;
  console.log = (text: string) => log(printable(text));
  console.error = (text: string) => error(colouredError(printable(text), process.stderr));
  return { restore: () => void Object.assign(console, { log, error }), printHelp: (text) => log(colouredHelp(text, process.stdout)) };
}
