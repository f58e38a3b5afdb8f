/**
 * A chapter is ten thousand elements, most of them parts of formulas, and laying them out at once holds the page for a tenth of a second. So
 * style.css folds what stands below the first blocks (content-visibility: hidden), and this opens it, a few blocks a frame, what the reader
 * is near to first. Blocks open by themselves, by the animation there, where this does not run.
 */

/** Blocks a frame. */
const AT_ONCE = 3;

/** Opens the blocks of the page on show and the groups of the sidebar, those near the screen first. */
export function unfold(): void {
  requestAnimationFrame(() => {
    const away = new Map([...document.querySelectorAll(".vp-doc > div > *, .VPSidebar .group")].map((block) => {
      const { top, bottom } = block.getBoundingClientRect();
      return [block, Math.max(top - innerHeight, -bottom)];
    }));
    const folded = [...away.keys()].sort((a, b) => away.get(a)! - away.get(b)!);
    const open = (): void => {
      for (const block of folded.splice(0, AT_ONCE)) block.setAttribute("data-open", "");
      if (folded.length > 0) requestAnimationFrame(open);
    };
    open();
  });
}
