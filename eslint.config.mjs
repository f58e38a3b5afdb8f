import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["**/dist/**", "**/node_modules/**", "**/generated/**", "**/assembly/**", "bench/peers/**", "demo-run/**", "runs/**", "docs/site/api/**", "docs/site/.vitepress/cache/**"] },
  ...tseslint.configs.strict,
  {
    files: ["**/*.ts", "**/*.mjs", "**/*.js"],
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-dynamic-delete": "off",
      "@typescript-eslint/unified-signatures": "off",
      "eqeqeq": "error",
      "max-lines": ["error", 400],
      "no-restricted-properties": ["error", { object: "Math", property: "random", message: "Draw from Random: results must be reproducible." }],
      "prefer-const": "error",
    },
  },
  { files: ["**/*.mjs", "**/*.js"], rules: { "@typescript-eslint/explicit-module-boundary-types": "off" } },
  { files: ["**/test/**/*.ts"], rules: { "@typescript-eslint/no-unused-expressions": "off" } },
);
