/** The files of the repository that pages link to, as pages of their own: numbered lines, coloured, nothing that runs. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { createHighlighter } from "shiki";
import { root } from "./markdown/pages.js";

const LANGUAGES: Readonly<Record<string, string>> = {
  ".ts": "typescript", ".mjs": "javascript", ".js": "javascript", ".json": "json", ".md": "markdown", ".py": "python", ".html": "html",
};

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const page = (path: string, body: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${path}</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; }
body { margin: 0; padding: 1rem; font: 0.85rem/1.5 ui-monospace, monospace; }
h1 { font: 600 1.1rem/1.4 system-ui, sans-serif; }
pre { counter-reset: line; overflow-x: auto; background: none !important; }
.line::before { counter-increment: line; content: counter(line); display: inline-block; width: 2.5rem; margin-right: 1rem; text-align: right; color: light-dark(#5c6270, #a0a6b2); }
.line:target { background: light-dark(#fff3bf, #4d4216); }
.shiki, .shiki span { color: light-dark(var(--shiki-light), var(--shiki-dark)); }
</style>
<main>
<h1>${path}</h1>
${body}
</main>
</html>
`;

/** Writes `source/PATH.html` below `out` for each path. Throws for a path that is not there. */
export async function writeSources(paths: Iterable<string>, out: string): Promise<number> {
  const themes = { light: "github-light-high-contrast", dark: "github-dark-high-contrast" } as const;
  const highlighter = await createHighlighter({ themes: Object.values(themes), langs: [...new Set(Object.values(LANGUAGES))] });
  let written = 0;
  for (const path of paths) {
    const file = join(root, path);
    const body = statSync(file).isDirectory()
      ? `<ul>${readdirSync(file).map((name) => `<li>${escape(name)}</li>`).join("")}</ul>`
      : highlighter.codeToHtml(readFileSync(file, "utf8"), {
        lang: LANGUAGES[extname(file)] ?? "text", themes, defaultColor: false,
        transformers: [{ line: (node, line) => { node.properties["id"] = `L${line}`; } }],
      });
    const to = join(out, "source", `${path.replace(/\/$/, "")}.html`);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, page(escape(path), body));
    written++;
  }
  highlighter.dispose();
  return written;
}
