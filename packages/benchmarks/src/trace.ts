/**
 * Traces operations through the source: `npm run trace [-- --steps save] [--source DIR]`. Every function of
 * `packages/couchdb/src` reports its file on entry. Each operation runs against recorded responses. The report counts the
 * files that it enters, and how often the file changes from one entry to the next.
 */
import { build } from "esbuild"
import { execFileSync } from "node:child_process"
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import ts from "typescript"
import { newFolder } from "./folder.js"

const { values: options } = parseArgs({
  options: {
    source: { type: "string", default: fileURLToPath(new URL("../../couchdb/src", import.meta.url)) },
    steps: { type: "string", default: "" }
  }
})

/** The functions that report their file. */
const isReporting = (node: ts.Node): node is ts.FunctionLikeDeclaration =>
  ts.isArrowFunction(node) || ts.isFunctionExpression(node) || ts.isFunctionDeclaration(node) ||
  ts.isMethodDeclaration(node) || ts.isGetAccessorDeclaration(node)

/** Adds a call that reports the file to the beginning of every function. */
const instrument = (text: string, file: string): string => {
  const report = ts.factory.createCallExpression(ts.factory.createIdentifier("__entered"), undefined, [
    ts.factory.createStringLiteral(file)
  ])
  const reporting = (body: ts.Node): ts.Node =>
    ts.isBlock(body)
      ? ts.factory.updateBlock(body, [ts.factory.createExpressionStatement(report), ...body.statements])
      : ts.factory.createParenthesizedExpression(ts.factory.createComma(report, body as ts.Expression))
  const transformer: ts.TransformerFactory<ts.SourceFile> = (context) => (source) => {
    const visit = (node: ts.Node): ts.Node => {
      const visited = ts.visitEachChild(node, visit, context)
      return isReporting(visited)
        ? ts.visitEachChild(visited, (child) => child === visited.body ? reporting(child) : child, context)
        : visited
    }
    return ts.visitEachChild(source, visit, context)
  }
  return ts.transpileModule(text, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: false
    },
    transformers: { before: [transformer] }
  }).outputText
}

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("traced/operations.ts", import.meta.url))],
  bundle: true,
  format: "esm",
  platform: "node",
  mainFields: ["module", "main"],
  target: "es2022",
  conditions: ["effect-couchdb-source"],
  banner: { js: "const __entered = (file) => { globalThis.__entries?.push(file) }" },
  logLevel: "error",
  write: false,
  plugins: [{
    name: "instrument",
    setup: ({ onLoad }) => {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = relative(options.source, path)
        return file.startsWith("..") || dirname(path).includes("node_modules")
          ? undefined
          : { contents: instrument(readFileSync(path, "utf8"), file), loader: "js" }
      })
    }
  }]
})

const folder = newFolder("trace")
try {
  const file = join(folder, "trace.mjs")
  writeFileSync(file, outputFiles[0]?.text ?? "")
  process.stdout.write(execFileSync(process.execPath, [file, options.steps], { encoding: "utf8" }))
} finally {
  rmSync(folder, { recursive: true })
}
