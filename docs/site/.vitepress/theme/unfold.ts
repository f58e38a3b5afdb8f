/**
 * A chapter is ten thousand elements, most of them parts of formulas, and laying them out at once holds the page for a tenth of a second. So
 * style.css folds what stands below the first blocks (content-visibility: hidden), and this opens it, a few blocks a frame, what the reader
 * is near to first. Blocks open by themselves, by the animation there, where this does not run.
 */

const BLOCKS = ":is(.vp-doc > div > *, .VPSidebar .group):not([data-open])";
/** Blocks a frame. */
const AT_ONCE = 2;

let frame = 0;

/** Opens the blocks of the page on show and the groups of the sidebar, those near the screen first; again for another page. */
export function unfold(): void {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(() => {
    const away = new Map([...document.querySelectorAll(BLOCKS)].map((block) => {
      const { top, bottom } = block.getBoundingClientRect();
      return [block, Math.max(top - innerHeight, -bottom)];
    }));
    const folded = [...away.keys()].sort((a, b) => away.get(a)! - away.get(b)!);
    const open = (): void => {
      for (const block of folded.splice(0, AT_ONCE)) block.setAttribute("data-open", "");
      if (folded.length > 0) frame = requestAnimationFrame(open);
    };
    open();
  });
}

/** Milliseconds in which a page comes to rest once all its blocks are open. */
const RESTS = 1500;

/** Keeps the heading that the address names where it belongs while blocks around it open and grow, until the reader moves. */
export function keepTarget(): void {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target === null) return;
  const moves = new AbortController();
  let end = performance.now() + RESTS;
  for (const kind of ["wheel", "touchstart", "keydown", "pointerdown"]) addEventListener(kind, () => moves.abort(), { passive: true, capture: true, signal: moves.signal });
  const keep = (): void => {
    if (document.querySelector(BLOCKS) !== null) end = performance.now() + RESTS;
    if (performance.now() > end) moves.abort();
    if (moves.signal.aborted) return;
    target.scrollIntoView();
    requestAnimationFrame(keep);
  };
  requestAnimationFrame(keep);
}
