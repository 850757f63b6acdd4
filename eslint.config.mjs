import * as effect from "@effect/eslint-plugin"
import importPlugin from "eslint-plugin-import"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import tseslint from "typescript-eslint"

const at = (path) => fileURLToPath(new URL(path, import.meta.url))

/** A room imports its own files and those of lower floors, types included. */
const zones = (source) => {
  const floors = JSON.parse(readFileSync(at(`${source}/../floors.json`), "utf8")).map(Object.keys)
  const entries = readdirSync(at(source)).filter((name) => name.endsWith(".ts")).map((name) => at(`${source}/${name}`))
  return floors.flatMap((rooms, floor) =>
    rooms.map((room) => ({
      target: at(`${source}/${room}`),
      from: [
        ...floors.slice(floor).flat().filter((other) => other !== room).map((other) => at(`${source}/${other}`)),
        ...entries
      ],
      message: `The room "${room}" may import its own files and those of lower floors (floors.json).`
    }))
  )
}

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
      "import/no-restricted-paths": ["error", {
        zones: ["couchdb", "couchdb-embedded"].flatMap((name) => zones(`packages/${name}/src`))
      }],
      "no-console": "error",
      "object-shorthand": "error"
    }
  },
  // A type test names a value only to look at its type.
  { files: ["packages/*/dtslint/**"], rules: { "@typescript-eslint/no-unused-vars": "off" } },
  { files: ["**/*.mjs", "scratchpad/**", "packages/benchmarks/**"], rules: { "no-console": "off" } }
)
