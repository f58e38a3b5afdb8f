/** Motion that rests while nobody sees it. */

export interface Awake {
  /** Whether frames are being drawn now. */
  running(): boolean;
  stop(): void;
}

/**
 * Calls `frame` with the milliseconds since the last call, at the screen's pace, while `element` is on screen, its tab in front, and the
 * reader does not ask for reduced motion.
 */
export function whileSeen(element: Element, frame: (elapsed: number) => void): Awake {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let seen = false, request = 0, last: number | undefined;
  const turn = (now: number): void => {
    frame(last === undefined ? 0 : now - last);
    last = now;
    request = requestAnimationFrame(turn);
  };
  const consider = (): void => {
    const run = seen && !document.hidden && !still.matches;
    if (run === (request !== 0)) return;
    if (run) {
      last = undefined;
      request = requestAnimationFrame(turn);
    } else {
      cancelAnimationFrame(request);
      request = 0;
    }
  };
  const observer = new IntersectionObserver((entries) => {
    seen = entries.at(-1)!.isIntersecting;
    consider();
  });
  observer.observe(element);
  document.addEventListener("visibilitychange", consider);
  still.addEventListener("change", consider);
  return {
    running: () => request !== 0,
    stop() {
      observer.disconnect();
      document.removeEventListener("visibilitychange", consider);
      still.removeEventListener("change", consider);
      cancelAnimationFrame(request);
      request = 0;
    },
  };
}
