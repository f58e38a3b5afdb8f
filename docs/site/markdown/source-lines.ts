/** `<Source file="packages/..." match="text of a line" lines="3" />`: lines of the source beside the formula that they compute. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { MarkdownRenderer } from "vitepress";
import { root, sourceUrl } from "./pages.js";

export interface SourceLines {
  /** The lines, without the indentation that they share. */
  readonly text: string;
  /** Number of the first, from 1. */
  readonly line: number;
}

/** The lines that begin with the one that holds `match`. Throws where none does, or more than one. */
export function sourceLines(file: string, match: string, count: number): SourceLines {
  const lines = readFileSync(join(root, file), "utf8").split("\n");
  const found = lines.flatMap((line, i) => (line.includes(match) ? [i] : []));
  if (found.length !== 1) throw new Error(`<Source>: ${found.length} lines of ${file} hold "${match}"; one is needed`);
  const shown = lines.slice(found[0], found[0] + count);
  const indent = Math.min(...shown.filter((line) => line.trim() !== "").map((line) => line.search(/\S/)));
  return { text: shown.map((line) => line.slice(indent)).join("\n"), line: found[0] + 1 };
}

/** The attributes of a tag that is written as HTML. */
function attributes(tag: string): Record<string, string> {
  const plain = (value: string): string => value.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  return Object.fromEntries([...tag.matchAll(/(\w+)=(?:"([^"]*)"|'([^']*)')/g)].map(([, name, double, single]) => [name, plain(double ?? single)]));
}

/** Replaces the tag by the lines and a link to the place. */
export function sourcePlugin(md: MarkdownRenderer): void {
  md.core.ruler.after("block", "source-lines", (state) => {
    state.tokens = state.tokens.flatMap((token) => {
      if (!token.type.startsWith("html_") || !/^\s*<Source\s/.test(token.content)) return [token];
      const { file, match, lines = "1" } = attributes(token.content);
      if (file === undefined || match === undefined) throw new Error(`<Source> needs file and match: ${token.content.trim()}`);
      const { text, line } = sourceLines(file, match, Number(lines));
      const [open, fence, close] = [new state.Token("html_block", "", 0), new state.Token("fence", "code", 0), new state.Token("html_block", "", 0)];
      open.content = "<div class=\"source-lines\">\n";
      Object.assign(fence, { info: file.endsWith(".md") ? "md" : "ts", content: `${text}\n`, block: true, map: token.map, markup: "```" });
      close.content = "</div>\n";
      const place = new state.Token("inline", "", 0);
      Object.assign(place, { content: `[${file}, line ${line}](${sourceUrl(file, line)})`, children: [], block: true, map: token.map });
      return [open, fence, new state.Token("paragraph_open", "p", 1), place, new state.Token("paragraph_close", "p", -1), close];
    });
  });
}
