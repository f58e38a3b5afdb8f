declare module "@vscode/markdown-it-katex" {
  const plugin: { default: (md: unknown, options?: { throwOnError?: boolean }) => void };
  export default plugin;
}
