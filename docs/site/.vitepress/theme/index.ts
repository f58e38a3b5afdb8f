/** VitePress's theme without its fonts, formulas by KaTeX, and the figures of the book. */
import type { Theme } from "vitepress";
import { inBrowser, onContentUpdated } from "vitepress";
import DefaultTheme from "vitepress/theme-without-fonts";
import "katex/dist/katex.min.css";
import "./style.css";
import { LiveFigure } from "./live-figure.js";
import { keepTarget, unfold } from "./unfold.js";

export default {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.component("Figure", LiveFigure);
  },
  setup() {
    onContentUpdated(() => {
      unfold();
      keepTarget();
    });
    if (inBrowser) addEventListener("hashchange", keepTarget);
  },
} satisfies Theme;
