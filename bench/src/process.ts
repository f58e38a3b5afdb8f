/** A contender's process, seen from outside: one question at a time, each with a time limit. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Contender } from "./contender.js";
import { builtPage } from "./pages.js";

/** What a contender says it cannot do, in its own words; `timedOut` where it did not answer in time. */
export class ContenderError extends Error {
  constructor(message: string, readonly timedOut = false) {
    super(message);
  }
}

/** $PYTHON, else the system's own Python, which has Debian's packages, else the one on the path. */
const python = process.env["PYTHON"] ?? (existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3");
const MAX_STDERR = 4000;

function commandOf({ peer, threads }: Contender): { command: string; args: string[]; env: NodeJS.ProcessEnv } {
  if (peer !== "torch") {
    const child = fileURLToPath(new URL("child.ts", import.meta.url));
    return { command: process.execPath, args: [...process.execArgv, child], env: { ...process.env, FROMNOISE_REVECTORIZE: "0" } };   // a device string says all
  }
  const count = String(threads);
  return {
    command: python, args: ["-u", fileURLToPath(new URL("../peers/torch/peer.py", import.meta.url))],
    env: { ...process.env, OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count, MKL_NUM_THREADS: count },
  };
}

interface Waiting { resolve(answer: unknown): void; reject(error: Error): void }

/** A running contender. `ask` sends a request of `child.ts` and gives its answer. */
export class ContenderProcess {
  readonly #child: ChildProcess;
  #waiting: Waiting | undefined;
  #stderr = "";
  #ended: ContenderError | undefined;
  /** The process of its Chromium, which leads a group. */
  #browser: number | undefined;

  private constructor(contender: Contender) {
    const { command, args, env } = commandOf(contender);
    // Its own process group: Ctrl-C reaches this program alone, which keeps what was measured and then ends its contenders.
    this.#child = spawn(command, args, { env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-MAX_STDERR);
    });
    this.#child.stdin!.on("error", () => undefined); // "close" reports it
    createInterface({ input: this.#child.stdout! })
      .on("line", (line) => this.#settle((waiting) => waiting.resolve(JSON.parse(line))));
    this.#child.on("error", (error) => this.#end(error.message));
    this.#child.on("close", (code, signal) => {
      this.#end(this.#lastWords() || `its process ended with ${signal ?? `code ${code}`}`);
    });
  }

  /** Starts the process and opens the device or peer in it. Throws ContenderError. */
  static async start(contender: Contender, limitMs: number): Promise<{ process: ContenderProcess; description: string }> {
    const page = contender.page && await builtPage(contender.page).catch((error: Error) => {
      throw new ContenderError(`${error.name}: ${error.message}`);
    });
    const started = new ContenderProcess(contender);
    try {
      const engine = contender.spec.startsWith("file:") ? "module" : contender.peer === null ? "device" : "peer";
      const { description, browser } = await started.ask<{ description: string; browser?: number }>(
        { op: "open", engine, spec: contender.spec, threads: contender.threads, page }, limitMs,
      );
      started.#browser = browser;
      return { process: started, description };
    } catch (error) {
      started.kill();
      throw error;
    }
  }

  /** Sends a request. Throws ContenderError with the contender's own words, or when `limitMs` pass, which ends the process. */
  async ask<T>(request: object, limitMs: number): Promise<T> {
    if (this.#ended) throw this.#ended;
    const answer = await new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#end(`no answer within ${Math.round(limitMs / 1000)} s`, true);
        this.kill();
      }, limitMs);
      const done = (act: () => void): void => {
        clearTimeout(timer);
        act();
      };
      this.#waiting = { resolve: (value) => done(() => resolve(value)), reject: (error) => done(() => reject(error)) };
      this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    }) as T & { error?: string };
    if (answer.error !== undefined) throw new ContenderError(answer.error);
    return answer;
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  kill(): void {
    this.#end("ended");
    this.#child.kill("SIGKILL");
    if (this.#browser === undefined) return;
    try {
      process.kill(-this.#browser, "SIGKILL"); // left alone, Chromium first finishes what was sent to the GPU
    } catch {
      // it has ended
    }
    this.#browser = undefined;
  }

  #settle(act: (waiting: Waiting) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) act(waiting);
  }

  #end(reason: string, timedOut = false): void {
    this.#ended ??= new ContenderError(reason, timedOut);
    this.#settle((waiting) => waiting.reject(this.#ended!));
  }

  /** The last line of standard error, where a process that dies says why. */
  #lastWords(): string {
    return this.#stderr.trim().split("\n").at(-1) ?? "";
  }
}
