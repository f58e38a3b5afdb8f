/**
 * ONE queue for everything that happens on a device. Jobs run strictly in the order in which they were pushed. As long as no job
 * returns a promise each runs at once, inside `push`; after one that does, the others wait for their turn.
 */
import { DeviceError, FromnoiseError } from "../../../core/errors.js";

type Job = () => void | Promise<void>;

export class Queue {
  #waiting: { name: string; job: Job }[] = [];
  #draining: Promise<void> | undefined;
  #failure: Error | undefined;

  /** Runs a job when its turn comes. An error is stored under the job's name, or thrown where the job runs at once. */
  push(name: string, job: Job): void {
    if (this.#draining !== undefined) {
      this.#waiting.push({ name, job });
      return;
    }
    let running: void | Promise<void>;
    try {
      running = job();
    } catch (error) {
      throw named(name, error);
    }
    if (running !== undefined) this.#draining = this.#drain(name, running);
  }

  /** Throws the first failure since the last call, and forgets it. */
  throwFailure(): void {
    if (this.#failure === undefined) return;
    const failure = this.#failure;
    this.#failure = undefined;
    throw failure;
  }

  /** Stores a failure that came to light outside of any job. */
  fail(error: Error): void {
    this.#failure ??= error;
  }

  /** Resolves when every job pushed so far has run. */
  async idle(): Promise<void> {
    await this.#draining;
  }

  async #drain(name: string, running: Promise<void>): Promise<void> {
    await this.#settle(name, () => running);
    for (let next = 0; next < this.#waiting.length; next++) {
      const { name, job } = this.#waiting[next];
      await this.#settle(name, job);
    }
    this.#waiting = [];
    this.#draining = undefined;
  }

  async #settle(name: string, job: Job): Promise<void> {
    try {
      await job();
    } catch (error) {
      this.fail(named(name, error));
    }
  }
}

/** An error of gpu.js under the name of the kernel it came from. */
function named(name: string, error: unknown): Error {
  if (error instanceof FromnoiseError) return error;
  const lines = (error instanceof Error ? error.message : String(error)).split("\n");
  return new DeviceError(`${name}: the kernel failed on the GPU`, lines.slice(0, 8));
}
