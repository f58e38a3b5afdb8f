/**
 * `npm run site:check [-- --built DIR] [-- --only NAME]`: builds the site for a sub-path, serves it by a plain server without headers, and
 * drives every figure of every page in Chromium, wide and narrow, light and dark.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { chromiumFlags, chromiumProgram } from "../../../bench/src/chromium.js";
import { buildSite } from "../build.js";
import { docs, placeOf, site } from "../markdown/pages.js";
import { serveFiles } from "../serve.js";
import { budgets } from "./budgets.js";
import type { Check } from "./check.js";
import { driven } from "./driven.js";
import { links } from "./links.js";
import { threads } from "./threads.js";
import { ownTime, watch } from "./watch.js";

/** Longest task of the main thread, in milliseconds of that thread's own time: the clock's would count what other programs of the machine do. */
const LONGEST_TASK = 50;

const LOOKS = [
  { width: 1440, height: 900, scheme: "light" }, { width: 390, height: 844, scheme: "dark" },
  { width: 1440, height: 900, scheme: "dark" }, { width: 390, height: 844, scheme: "light" },
] as const;
type Look = (typeof LOOKS)[number];

interface Place { readonly url: string; readonly figures: readonly string[] }

/** The pages with figures, as the Markdown says. */
function places(): Place[] {
  const files = ["site/index.md", ...readdirSync(join(docs, "book")).filter((name) => name.endsWith(".md")).sort().map((name) => `book/${name}`)];
  return files.flatMap((file) => {
    const figures = [...readFileSync(join(docs, file), "utf8").matchAll(/^<Figure name="([\w-]+)"/gm)].map(([, name]) => name);
    return figures.length === 0 ? [] : [{ url: placeOf(file).replace(/index\.md$/, "").replace(/\.md$/, ".html"), figures }];
  });
}

interface Told { line: string; wrong: string[] }

/**
 * A page in one look: all its figures driven, its accessibility, its console and its tasks. Of loading, the thread's own time is judged. So it
 * is of driving where that is `traced`; else the clock's, as minutes of driving make traces of hundreds of megabytes.
 */
async function visit(context: BrowserContext, base: string, place: Place, look: Look, thorough: boolean, traced: boolean, shots: string | undefined): Promise<Told> {
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  const watched = await watch(page);
  const told: string[] = [], wrong: string[] = [];
  try {
    const loading = await ownTime(page);
    await page.goto(`${base}${place.url}`);
    await page.waitForLoadState("networkidle");
    for (const name of place.figures) await driven(page, name);
    const loaded = await loading();
    await watched.forget();
    const computed = traced ? await ownTime(page) : watched.longestTask;
    for (const name of place.figures) {
      try {
        told.push(`${name}: ${await drive(page, name, thorough)}`);
      } catch (error) {
        wrong.push(`${name}: ${(error as Error).message}`);
      }
    }
    const driving = await computed();                                              // before axe, which takes its time
    await page.addStyleTag({ content: "* { content-visibility: visible !important }" });   // else nothing is seen of what is off screen
    if (shots !== undefined) await page.screenshot({ path: join(shots, `${place.url.replaceAll("/", "-") || "index"}-${look.width}-${look.scheme}.png`), fullPage: true });
    wrong.push(...await violations(page), ...watched.errors());
    told.push(`longest task ${loaded.toFixed(0)} ms while it loads, ${driving.toFixed(0)} ms ${traced ? "of its own time " : ""}after`);
    if (loaded > LONGEST_TASK) wrong.push(`${TOO_LONG}${loaded.toFixed(0)} ms while the page loads, at most ${LONGEST_TASK} are allowed`);
    if (driving > LONGEST_TASK) wrong.push(`${TOO_LONG}${driving.toFixed(0)} ms, at most ${LONGEST_TASK} are allowed`);
  } catch (error) {
    wrong.push((error as Error).message);
  } finally {
    await page.close();
  }
  return { line: told.join("; "), wrong };
}

const TOO_LONG = "a task took ";

async function drive(page: Page, name: string, thorough: boolean): Promise<string> {
  const { check } = await import(`./${name}.js`).catch(() => { throw new Error(`docs/site/check/${name}.ts is missing`); }) as { check: Check };
  return check(await driven(page, name), thorough);
}

/** What axe-core calls serious or critical. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(join(site, "node_modules/axe-core/axe.min.js"), "utf8"));
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(options: object): Promise<{ violations: { id: string; impact: string; nodes: { target: string[]; failureSummary: string }[] }[] }> } };
    const { violations: all } = await axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] });
    return all.filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `axe: ${id} at ${nodes.slice(0, 4).map(({ target, failureSummary }) => `${target.join(" ")} (${failureSummary.split("\n").slice(0, 2).join(" ").slice(0, 200)})`).join(", ")}`);
  });
  return found;
}

/**
 * Once or twice more, with the thread's own time, where nothing is wrong but how long a task took. A program on the other half of a core
 * makes a thread's own time half as long again, and 40 ms are usual: a page whose tasks are too long is so three times.
 */
async function patiently(run: (traced: boolean) => Promise<Told>): Promise<Told> {
  let told = await run(false);
  for (let more = 0; more < 2 && told.wrong.length > 0 && told.wrong.every((line) => line.startsWith(TOO_LONG)); more++) told = await run(true);
  return told;
}

async function checkAll(browser: Browser, url: string, only: string | undefined, shots: string | undefined): Promise<boolean> {
  let good = true;
  const report = (name: string, { line, wrong }: Told, seconds: number): void => {
    console.log(`  ${wrong.length === 0 ? "ok  " : "FAIL"} ${name.padEnd(44)} ${line}  (${seconds.toFixed(1)} s)`);
    for (const one of wrong) console.log(`         ${one}`);
    good &&= wrong.length === 0;
  };
  const timed = async (name: string, run: () => Promise<Told>): Promise<void> => {
    const started = performance.now();
    report(name, await run(), (performance.now() - started) / 1000);
  };
  for (const look of LOOKS) {
    const context = await browser.newContext({ viewport: { width: look.width, height: look.height }, colorScheme: look.scheme, hasTouch: look.width < 500 });
    for (const place of places().filter(({ figures }) => only === undefined || figures.includes(only))) {
      await timed(`${place.url || "index"} ${look.width}x${look.height} ${look.scheme}`, () => patiently((traced) => visit(context, url, place, look, look === LOOKS[0], traced, shots)));
    }
    await context.close();
  }
  if (only === undefined) {
    await timed("budget of the first screen", () => budgets(browser, url));
    await timed("links", () => links(browser, url, LONGEST_TASK));
    await timed("threads on a host without headers", () => threads(browser, url));
  }
  return good;
}

const words = process.argv.slice(3);
const value = (flag: string): string | undefined => (words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined);
const given = value("--built"), shots = value("--shots");
const built = given === undefined ? mkdtempSync(join(tmpdir(), "fromnoise-site-")) : resolve(given);
if (shots !== undefined) mkdirSync(shots, { recursive: true });
try {
  const base = "/a/path/";
  if (given === undefined) await buildSite(base, built);
  const { url, close } = await serveFiles(built, value("--base") ?? base, 0);
  const browser = await chromium.launch({ executablePath: chromiumProgram(), args: chromiumFlags("webgl2", "webgpu"), timeout: 120_000 });
  console.log(`the site at ${url}, Chromium ${browser.version()}`);
  const good = await checkAll(browser, url, value("--only"), shots);
  await browser.close();
  await close();
  process.exitCode = good ? 0 : 1;
} finally {
  if (given === undefined) rmSync(built, { recursive: true });
}

