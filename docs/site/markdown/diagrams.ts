/** ```mermaid: diagrams drawn while the site is built, in the colours of the page; a reader loads no program for them. */
import { parseMermaid, renderMermaidSVG } from "beautiful-mermaid";
import type { MarkdownRenderer } from "vitepress";

/** A flowchart as SVG, with what it says in words. Its colours are those of style.css, .diagram. Throws for what is no diagram. */
export function diagram(source: string): string {
  const spaced = source.replace(/(\w)-->(?=\w)/g, "$1 --> ");                     // `a-->b` is read as a node "a--"
  const { nodes, edges, subgraphs } = parseMermaid(spaced);
  const names = new Map([...nodes.values(), ...named(subgraphs)].map(({ id, label }) => [id, label.split("\n")[0]]));
  const said = edges.map(({ source: from, target: to, label = "" }) => `${names.get(from)} to ${names.get(to)}${label === "" ? "" : `: ${label}`}`);
  const svg = renderMermaidSVG(spaced, { transparent: true })
    .replace(/<style>[\s\S]*?<\/style>/, "")                                      // of the whole page, and fonts from elsewhere
    .replace(/ style="--bg[^"]*"/, "")
    .replace("<svg ", `<svg role="img" aria-label="Diagram. ${escape(said.join("; "))}" `);
  if (edges.length === 0 || /<style|https?:\/\/(?!www\.w3\.org)/.test(svg)) throw new Error(`a diagram without edges, or with addresses in it: ${source.slice(0, 80)}`);
  return `<div class="diagram" tabindex="0" v-pre>${svg}</div>\n`;
}

interface Group { readonly id: string; readonly label: string; readonly children: readonly Group[] }
const named = (groups: readonly Group[]): Group[] => groups.flatMap((group) => [group, ...named(group.children)]);

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("\"", "&quot;");

/** Draws fences of that name. */
export function diagramPlugin(md: MarkdownRenderer): void {
  const fence = md.renderer.rules.fence!;
  md.renderer.rules.fence = (tokens, i, options, env, self) => (tokens[i].info.trim() === "mermaid" ? diagram(tokens[i].content) : fence(tokens, i, options, env, self));
}
