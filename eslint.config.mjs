import * as effect from "@effect/eslint-plugin"
import importPlugin from "eslint-plugin-import"
import tseslint from "typescript-eslint"

export default tseslint.config(
  { ignores: ["**/dist", "**/.tshy", "**/.tshy-build", "**/node_modules", "**/*.json"] },
  ...tseslint.configs.recommended,
  {
    files: ["**/*.{ts,mjs}"],
    plugins: { "@effect": effect, import: importPlugin },
    settings: {
      "import/parsers": { "@typescript-eslint/parser": [".ts"] },
      "import/resolver": { typescript: { conditionNames: ["effect-couchdb-source", "import", "types", "default"] } }
    },
    rules: {
      "@effect/dprint": ["error", {
        config: {
          indentWidth: 2,
          lineWidth: 120,
          newLineKind: "lf",
          semiColons: "asi",
          quoteStyle: "alwaysDouble",
          trailingCommas: "never",
          operatorPosition: "maintain",
          "arrowFunction.useParentheses": "force",
          "functionExpression.spaceBeforeParentheses": false,
          "functionExpression.spaceAfterFunctionKeyword": false
        }
      }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-empty-object-type": "off",
      "@typescript-eslint/no-namespace": "off",
      "import/no-cycle": ["error", { ignoreExternal: true }],
      "import/no-self-import": "error",
      "no-console": "error",
      "object-shorthand": "error"
    }
  },
  // A type test names a value only to look at its type.
  { files: ["packages/*/dtslint/**"], rules: { "@typescript-eslint/no-unused-vars": "off" } },
  { files: ["**/*.mjs", "scratchpad/**", "packages/benchmarks/**"], rules: { "no-console": "off" } }
)
