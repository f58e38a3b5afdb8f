/** What becomes of a program whose output nobody takes any more: a closed pipe, a closed terminal, a full disk. */
import { failureReason } from "@fromnoise/nn";

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
