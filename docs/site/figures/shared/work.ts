/** Work that leaves the page its breath: in slices, on screen only, the latest wish first. */

/** Resolves when the page has had its turn: a task of its own, unlike a promise that is already settled. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** Gives a function that breathes, but only when `ms` have passed since it last did. */
export function pacer(ms = 12): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < ms) return;
    await breathe();
    since = performance.now();
  };
}

export interface Latest {
  /** Runs the work, after the run in progress where there is one; of several wishes meanwhile only the last is heard. */
  ask(): void;
  /** Whether nothing runs or waits. */
  idle(): boolean;
  dispose(): void;
}

/** The work gets `stale`, true when it has been asked for again or the figure is gone: it may then end early. */
export function latest(work: (stale: () => boolean) => Promise<void>, onError: (error: unknown) => void): Latest {
  let running = false, asked = false, disposed = false;
  const turn = async (): Promise<void> => {
    running = true;
    try {
      while (asked && !disposed) {
        asked = false;
        await work(() => asked || disposed);
      }
    } catch (error) {
      if (!disposed) onError(error);
    } finally {
      running = false;
    }
  };
  return {
    ask() {
      asked = true;
      if (!running && !disposed) void turn();
    },
    idle: () => !running && !asked,
    dispose() {
      disposed = true;
    },
  };
}

export interface Loop {
  /** Whether it is to run; it does so only while its place is on screen. */
  run(wanted: boolean): void;
  running(): boolean;
  dispose(): void;
}

/** Calls `frame` again and again while wanted and on screen, one call at a time, once a frame of the screen. */
export function loop(place: Element, frame: () => Promise<void> | void): Loop {
  let wanted = false, visible = false, going = false;
  const turn = async (): Promise<void> => {
    going = true;
    while (wanted && visible) {
      await frame();
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    going = false;
  };
  const start = (): void => {
    if (wanted && visible && !going) void turn();
  };
  const eye = new IntersectionObserver(([entry]) => {
    visible = entry.isIntersecting;
    start();
  });
  eye.observe(place);
  return {
    run(next) {
      wanted = next;
      start();
    },
    running: () => wanted,
    dispose() {
      wanted = false;
      eye.disconnect();
    },
  };
}

/** Whether the reader asked for no motion: then nothing moves unless a button is pressed. */
export function stillness(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
