/** What the pages' Markdown means beyond VitePress: GitHub's formulas and diagrams, links to sources, lines of sources. */
import katexPlugin from "@vscode/markdown-it-katex";
import katex from "katex";
import type { MarkdownRenderer } from "vitepress";
import { diagramPlugin } from "./diagrams.js";
import { base, resolveLink } from "./pages.js";
import { sourcePlugin } from "./source-lines.js";

export function plugins(md: MarkdownRenderer): void {
  katexPlugin.default(md, { throwOnError: true });
  for (const name of ["math_block", "math_inline_block"]) {
    const rule = md.renderer.rules[name];
    if (rule !== undefined) md.renderer.rules[name] = (...args) => reachable(rule(...args));
  }
  sourcePlugin(md);
  formulasInFences(md);
  diagramPlugin(md);
  links(md);
}

/** A formula that is wider than a phone is scrolled, by keys too. */
const reachable = (html: string): string => html.replaceAll('<span class="katex-display">', '<span class="katex-display" tabindex="0">');

/** Kinds of blocks that have no colours. */
const PLAIN = new Set(["tree", "txt", "http"]);

/** GitHub's ```math. */
function formulasInFences(md: MarkdownRenderer): void {
  const fence = md.renderer.rules.fence!;
  md.renderer.rules.fence = (tokens, i, options, env, self) => {
    const kind = tokens[i].info.trim();
    if (PLAIN.has(kind)) tokens[i].info = "text";
    if (kind !== "math") return fence(tokens, i, options, env, self);
    return reachable(`<p v-pre>${katex.renderToString(tokens[i].content, { displayMode: true, throwOnError: true })}</p>\n`);
  };
}

/** Links between files become links between pages; those to sources lead to these as they are, past VitePress's router. */
function links(md: MarkdownRenderer): void {
  md.core.ruler.push("links-of-the-repository", (state) => {
    const { realPath, path } = state.env as { realPath?: string; path: string };
    for (const { children } of state.tokens) {
      for (const token of children ?? []) {
        if (token.type !== "link_open") continue;
        const to = resolveLink(realPath ?? path, token.attrGet("href")!);
        if (to === undefined) continue;
        token.attrSet("href", to.source ? `${base()}${to.url.slice(1)}` : to.url);
        if (to.source) token.attrSet("target", "_self");
      }
    }
  });
}
