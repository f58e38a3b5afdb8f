/** Which files are pages of the site, and where they stand on it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const site = fileURLToPath(new URL("..", import.meta.url));
export const docs = join(site, "..");
export const root = join(docs, "..");

/** Where a page of the docs folder stands on the site: folders' README.md are their index, docs/site/x.md is x.md. */
export function placeOf(file: string): string {
  if (file === "README.md") return "reference.md";
  return file.replace(/^site\//, "").replace(/(^|\/)README\.md$/, "$1index.md");
}

/** What of the docs folder is no page: solutions belong to their exercises, a report is long. */
export const notPages = ["site/README.md", "**/exercises/**", "report/**"];
const isPage = (file: string): boolean => file.endsWith(".md") && !/^\.\.|(^|\/)exercises\/|^report\//.test(file);

/** The address of a file of the repository that is shown as it is. */
export const sourceUrl = (path: string, line?: number): string => `/source/${path}.html${line === undefined ? "" : `#L${line}`}`;

let under = "/";
/** The path under which the site stands: links to sources pass VitePress by, which would add it. */
export const base = (): string => under;
export function standsUnder(path: string): void {
  under = path;
}

/** The files that pages link to, to be written beside them. */
export const shownSources = new Set<string>();

/** Where a link of the page `from` leads: a path below the site, or undefined for what is not ours to change. Throws for a dead one. */
export function resolveLink(from: string, href: string): { url: string; source: boolean } | undefined {
  if (/^(?:[a-z]+:|\/\/|#)/i.test(href)) return undefined;
  const [, path, hash = ""] = /^([^#]*)(#.*)?$/.exec(href)!;
  if (path.startsWith("/source/")) {
    shownSources.add(path.slice("/source/".length).replace(/\.html$/, ""));
    return { url: href, source: true };
  }
  if (path.startsWith("/")) return undefined;
  const file = join(from, "..", decodeURI(path));
  if (!existsSync(file)) return undefined;                                       // VitePress says that it is dead
  const inDocs = relative(docs, file).split(sep).join("/");
  if (isPage(inDocs)) return { url: `/${placeOf(inDocs)}${hash}`, source: false };
  const inRoot = relative(root, file).split(sep).join("/");
  if (/\.(png|svg)$/.test(inRoot)) return undefined;
  shownSources.add(inRoot);
  return { url: `${sourceUrl(inRoot)}${hash}`, source: true };
}

/** The chapters of the book in order, by the number that their names begin with. */
export function chapters(): { number: number; text: string; link: string }[] {
  const folder = join(docs, "book");
  return readdirSync(folder).flatMap((name) => {
    const [, number] = /^(\d+)-.*\.md$/.exec(name) ?? [];
    if (number === undefined) return [];
    return [{ number: Number(number), text: titleOf(join(folder, name)), link: `/book/${name.replace(/\.md$/, ".html")}` }];
  }).sort((a, b) => a.number - b.number);
}

/** The first heading of a page, without its marks. */
export function titleOf(file: string): string {
  const [, title] = /^# (.*)$/m.exec(readFileSync(file, "utf8")) ?? [];
  if (title === undefined) throw new Error(`${file} has no heading`);
  return title.replaceAll("`", "");
}
