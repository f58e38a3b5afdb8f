/** What stands in a Markdown page: its fences, links, pictures and headings, as markdown-it reads them. */
import MarkdownIt, { type Token } from "markdown-it";

const reader = new MarkdownIt({ html: true });

/** A block of code between ``` lines. */
export interface Fence {
  /** What stands behind the opening ```: "ts". */
  readonly info: string;
  /** The lines between, without the last line's end. */
  readonly text: string;
  /** Lines of the opening and the closing ```, from 1. */
  readonly line: number;
  readonly end: number;
  /** The heading that it stands under. */
  readonly heading: string;
  /** The fence that it follows with nothing but empty lines between. */
  readonly after?: Fence;
}

/** The fences of a page in their order. Throws Error for one that is not closed. */
export function fencesOf(markdown: string): Fence[] {
  const fences: Fence[] = [];
  const tokens = reader.parse(markdown, {});
  let heading = "";
  tokens.forEach((token, i) => {
    if (token.type === "heading_open") heading = tokens[i + 1].content;
    if (token.type !== "fence") return;
    const [from, to] = token.map!, lines = token.content.split("\n").length - 1;
    if (to - from - 2 !== lines) throw new Error(`line ${from + 1}: a fence that is not closed`);
    const before = tokens[i - 1]?.type === "fence" ? fences.at(-1) : undefined;
    fences.push({ info: token.info.trim(), text: token.content.replace(/\n$/, ""), line: from + 1, end: to, heading, ...(before === undefined ? {} : { after: before }) });
  });
  return fences;
}

function inline(markdown: string): Token[] {
  return reader.parse(markdown, {}).flatMap(({ children }) => children ?? []);
}

/** Paths of the pictures that a page shows. */
export function picturesOf(markdown: string): string[] {
  return inline(markdown).filter(({ type }) => type === "image").map((token) => decodeURI(token.attrGet("src")!));
}

/** Where a page leads: its links, and the pictures that it shows. */
export function linksOf(markdown: string): string[] {
  return [...inline(markdown).filter(({ type }) => type === "link_open").map((token) => decodeURI(token.attrGet("href")!)), ...picturesOf(markdown)];
}

/** The anchors of a page's headings, as GitHub makes them: "a-heading-of-code", a second one of a name "a-heading-of-code-1". */
export function anchorsOf(markdown: string): string[] {
  const tokens = reader.parse(markdown, {}), seen = new Map<string, number>();
  return tokens.flatMap(({ type }, i) => {
    if (type !== "heading_open") return [];
    const text = (tokens[i + 1].children ?? []).map(({ content }) => content).join("");
    const anchor = text.trim().toLowerCase().replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "").replaceAll(" ", "-");
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    return [before === 0 ? anchor : `${anchor}-${before}`];
  });
}
