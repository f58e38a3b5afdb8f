/** The site: the docs folder as pages, the book first. `npm run site:build` runs it. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type DefaultTheme } from "vitepress";
import { apiSidebar } from "../api-pages.js";
import { chapters, docs, notPages, placeOf, shownSources, site, standsUnder, titleOf } from "../markdown/pages.js";
import { plugins } from "../markdown/plugins.js";
import { writeSources } from "../source-pages.js";

const page = (file: string): DefaultTheme.SidebarItem => ({ text: titleOf(join(docs, file)), link: `/${placeOf(file).replace(/\.md$/, ".html")}` });
const pagesOf = (...names: string[]): DefaultTheme.SidebarItem[] => names.map((name) => page(`${name}.md`));

function sidebar(): DefaultTheme.Sidebar {
  const book: DefaultTheme.SidebarItem[] = [
    { text: "The book", items: [{ text: "Contents, three ways through", link: "/book/" }, ...chapters(), page("book/notation.md")] },
  ];
  const reference: DefaultTheme.SidebarItem[] = [
    { text: "Using it", items: pagesOf("README", "moons", "recipes", "demo", "configuration", "conditioning", "inpainting", "scale", "browsers") },
    { text: "As a library", items: pagesOf("library/README", ...readdirSync(join(docs, "library")).filter((name) => /^[a-z].*\.md$/.test(name)).map((name) => `library/${name.replace(/\.md$/, "")}`)) },
    { text: "When it is wrong", items: pagesOf("debugging", "doctor", "breaking") },
    { text: "How good it is", items: pagesOf("evaluation", "likelihood", "averages", "benchmarks", "evidence", "features") },
    { text: "Files of others", items: pagesOf("exchange", "lucidrains", "pytorch-files", "checkpoint-format", "golden-format") },
    {
      text: "Inside",
      items: pagesOf("architecture", "decisions", "ops/README", "adding-an-op", "adding-a-layer", "adding-a-network", "adding-a-schedule", "adding-a-sampler", "adding-a-bench"),
    },
    { text: "API", items: [{ text: "The three packages", link: "/api/" }] },
  ];
  return { "/api/": apiSidebar(), "/": [...book, ...reference] };
}

/** KaTeX's styles without the two older forms of each font, which every browser that runs the site passes by. */
const onlyWoff2 = (css: string): string => css.replace(/,\s*url\([^)]*\.(?:woff|ttf)\) format\("[a-z]+"\)/g, "");

export default defineConfig({
  title: "fromnoise",
  description: "Diffusion models from scratch: every formula beside the line that computes it, every figure live.",
  lang: "en",
  srcDir: "..",
  srcExclude: notPages,
  rewrites: placeOf,
  cleanUrls: false,
  appearance: { disableTransition: false },                                      // it would compute all styles of a page of formulas at once
  router: { prefetchLinks: false },
  head: [["link", { rel: "icon", href: "data:," }]],
  markdown: {
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    config: (md) => plugins(md),
  },
  ignoreDeadLinks: [/\/source\//],
  vue: { template: { compilerOptions: { isCustomElement: (tag) => /^(math|semantics|annotation|m[a-z]+)$/.test(tag) } } },
  vite: {
    publicDir: join(site, "public"),
    resolve: { conditions: ["fromnoise-source"] },
    worker: { format: "es" },
    build: { chunkSizeWarningLimit: 4000, target: "es2022", assetsInlineLimit: 0 },
    server: { fs: { allow: [join(docs, "..")] } },
    plugins: [
      { name: "base-of-sources", configResolved: ({ base }) => standsUnder(base) },
      { name: "fonts-of-today", enforce: "pre", transform: (code, id) => (id.includes("/katex.min.css") ? onlyWoff2(code) : undefined) },
    ],
  },
  async buildEnd({ outDir }) {
    console.log(`${await writeSources(shownSources, outDir)} sources written`);
  },
  themeConfig: {
    nav: [
      { text: "Book", link: "/book/", activeMatch: "^/book/" },
      { text: "Reference", link: "/reference.html" },
      { text: "API", link: "/api/" },
    ],
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: "local" },
  },
});
