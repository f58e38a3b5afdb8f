declare module "@vscode/markdown-it-katex" {
  import type { PluginWithOptions } from "markdown-it";
  const plugin: { default: PluginWithOptions<{ throwOnError?: boolean }> };
  export default plugin;
}
