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
  /** Sets a flag of the JavaScript engine; false where code cannot. */
  setEngineFlag(flag: string): boolean;
  /** An environment variable; undefined where there are none. */
  environment(name: string): string | undefined;
}
