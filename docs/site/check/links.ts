/** Links: to another page without a long task, and to a heading that stays where it belongs while the blocks around it open. */
import type { Browser } from "playwright-core";
import { ownTime, watch } from "./watch.js";

/** Where a heading comes to stand below the bar, as style.css says, in pixels. */
const BELOW_BAR = 110, NEAR = 12;

export async function links(browser: Browser, url: string, longestTask: number): Promise<{ line: string; wrong: string[] }> {
  const wrong: string[] = [];
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.setDefaultTimeout(60_000);
  const watched = await watch(page);
  try {
    await page.goto(`${url}book/`);
    await page.waitForLoadState("networkidle");
    const trace = await ownTime(page);
    await page.locator('.VPSidebar a[href$="/10-sampling.html"]').click();
    await page.waitForFunction(() => (window as unknown as { figures?: object }).figures !== undefined && document.querySelector(".vp-doc > div > :not([data-open])") === null);
    const longest = await trace();
    if (longest > longestTask) wrong.push(`a task took ${longest.toFixed(0)} ms while chapter 10 is opened by its link, at most ${longestTask} are allowed`);

    const id = await page.locator(".vp-doc h2").nth(1).getAttribute("id"), place = `${url}book/10-sampling.html#${id}`;
    const top = async (how: string): Promise<void> => {
      await page.waitForFunction(() => document.querySelector(".vp-doc > div > :not([data-open])") === null);
      await page.waitForTimeout(2500);
      const at = await page.evaluate((one) => document.getElementById(one)!.getBoundingClientRect().top, id!);
      if (Math.abs(at - BELOW_BAR) > NEAR) wrong.push(`a heading opened ${how} stands ${at.toFixed(0)} pixels down, wanted ${BELOW_BAR}`);
    };
    await page.locator(`.VPDocOutlineItem a[href="#${id}"]`).first().click();
    await top("by the outline");
    await page.goto("about:blank");
    await page.goto(place);
    await page.waitForLoadState("networkidle");
    await top("by its address");

    await page.goto(`${url}architecture.html`);
    await page.waitForLoadState("networkidle");
    const diagrams = await page.locator(".diagram svg[role=img]").evaluateAll((all) => all.map((svg) => svg.querySelectorAll("polyline, path").length));
    if (diagrams.length === 0 || diagrams.some((edges) => edges < 10)) wrong.push(`diagrams of the architecture have ${diagrams.join(", ") || "no"} lines`);
    wrong.push(...watched.errors());
    return { line: `longest task ${longest.toFixed(0)} ms while a chapter is opened by its link; ${diagrams.length} diagrams`, wrong };
  } catch (error) {
    return { line: "", wrong: [...wrong, (error as Error).message] };
  } finally {
    await page.close();
  }
}
