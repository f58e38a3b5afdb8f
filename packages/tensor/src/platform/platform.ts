/** What differs between Node and browsers; `#platform` resolves to the file for the one or the other. */
export interface Platform {
  /** Threads that run at the same time. */
  readonly cores: number;
  /** Bytes of memory that the program may take; 8 GiB in a page, which is not told. */
  readonly memoryBytes: number;
  /** Whether this thread may wait for others (the main thread of a page may not). */
  readonly mayBlock: boolean;
  /**
   * Starts a thread that runs `source` (a classic script) and receives `message`; resolves when it has sent its first message
   * back. An idle thread does not keep the process alive.
   */
  startWorker(source: string, message: unknown): Promise<{ terminate(): Promise<void> }>;
  /** The JavaScript engine and its version, "V8 13.6.233.17"; undefined where code cannot set its flags. */
  readonly engine: string | undefined;
  /** Sets a flag of the engine; false where code cannot. */
  setEngineFlag(flag: string): boolean;
  /** The instruction set, "x64" or "arm64"; undefined in a page, which is not told. */
  readonly architecture: string | undefined;
  /** What compiled code may depend on: the processor, and how the engine was started. */
  machine(): string;
  /** What was kept under a key, by whatever program of this user; undefined where nothing was or it cannot be read. Never throws. */
  recall(key: string): string | undefined;
  /** Keeps a text under a key, whole or not at all, where a place for it can be had. Never throws. */
  keep(key: string, text: string): void;
  /** An environment variable; undefined where there are none. */
  environment(name: string): string | undefined;
}
