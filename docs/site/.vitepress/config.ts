/** The site: the docs folder as pages, the book first. `npm run site:build` runs it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type DefaultTheme } from "vitepress";
import { apiSidebar } from "../api-pages.js";
import { chapters, docs, notPages, placeOf, shownSources, site, standsUnder, titleOf } from "../markdown/pages.js";
import { plugins } from "../markdown/plugins.js";
import { writeSources } from "../source-pages.js";

/** Chapters by number, for those who know something already. */
const READING_ORDERS: readonly [who: string, numbers: readonly number[]][] = [
  ["You know PyTorch", [0, 4, 5, 9, 10, 1, 2]],
  ["You know JavaScript", [0, 9, 1, 2, 4, 5, 10]],
  ["You know mathematics", [1, 2, 10, 4, 5, 0, 9]],
];

const page = (file: string): DefaultTheme.SidebarItem => ({ text: titleOf(join(docs, file)), link: `/${placeOf(file).replace(/\.md$/, ".html")}` });
const pagesOf = (...names: string[]): DefaultTheme.SidebarItem[] => names.map((name) => page(`${name}.md`));

function sidebar(): DefaultTheme.Sidebar {
  const all = chapters();
  const book: DefaultTheme.SidebarItem[] = [
    { text: "The book", items: [...all, ...(existsSync(join(docs, "book/notation.md")) ? [page("book/notation.md")] : [])] },
    ...READING_ORDERS.map(([text, numbers]) => ({ text, collapsed: true, items: numbers.flatMap((n) => all.filter(({ number }) => number === n)) })),
  ];
  const reference: DefaultTheme.SidebarItem[] = [
    { text: "Using it", items: pagesOf("README", "moons", "recipes", "demo", "configuration", "conditioning", "inpainting", "browsers") },
    { text: "When it is wrong", collapsed: true, items: pagesOf("debugging", "doctor", "breaking") },
    { text: "How good it is", collapsed: true, items: pagesOf("evaluation", "likelihood", "averages", "benchmarks", "evidence", "features") },
    { text: "Files of others", collapsed: true, items: pagesOf("exchange", "lucidrains", "pytorch-files", "checkpoint-format", "golden-format") },
    {
      text: "Inside", collapsed: true,
      items: pagesOf("architecture", "decisions", "ops/README", "adding-an-op", "adding-a-layer", "adding-a-network", "adding-a-schedule", "adding-a-sampler"),
    },
    { text: "API", items: [{ text: "The three packages", link: "/api/" }] },
  ];
  return { "/book/": book, "/api/": apiSidebar(), "/": [...book.slice(0, 1), ...reference] };
}

export default defineConfig({
  title: "fromnoise",
  description: "Diffusion models from scratch: every formula beside the line that computes it, every figure live.",
  lang: "en",
  srcDir: "..",
  srcExclude: notPages,
  rewrites: placeOf,
  cleanUrls: false,
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
    plugins: [{ name: "base-of-sources", configResolved: ({ base }) => standsUnder(base) }],
  },
  async buildEnd({ outDir }) {
    console.log(`${await writeSources(shownSources, outDir)} sources written`);
  },
  themeConfig: {
    nav: [
      { text: "Book", link: chapters()[0]?.link ?? "/", activeMatch: "^/book/" },
      { text: "Reference", link: "/reference.html" },
      { text: "API", link: "/api/" },
    ],
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: "local" },
  },
});
