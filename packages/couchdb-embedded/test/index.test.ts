import { describe, expect, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const source = fileURLToPath(new URL("../src/index.ts", import.meta.url))
const couchdb = fileURLToPath(new URL("../../couchdb/", import.meta.url))
const modules = (JSON.parse(readFileSync(`${couchdb}package.json`, "utf8")) as {
  readonly tshy: { readonly exports: Readonly<Record<string, string>> }
}).tshy.exports

/** The modules that a module imports, without type imports. */
const importsOf = (file: string): ReadonlyArray<string> =>
  Array.from(
    readFileSync(file, "utf8").matchAll(/^(?:import|export) (?!type\b)[^"]*?from "([^"]+)"/gm),
    ([, name]) => name ?? ""
  )

const fileOf = (from: string, name: string): string | undefined => {
  const file = name.startsWith(".")
    ? resolve(dirname(from), name.replace(/\.js$/, ".ts"))
    : name.startsWith("effect-couchdb/")
    ? resolve(couchdb, modules[`./${name.slice("effect-couchdb/".length)}`] ?? "missing")
    : ""
  return existsSync(file) ? file : undefined
}

describe("the root entry", () => {
  it("imports no Node module, so that it runs in a browser", () => {
    const seen = new Set<string>()
    const names = new Set<string>()
    const visit = (file: string): void => {
      if (seen.has(file)) return
      seen.add(file)
      for (const name of importsOf(file)) {
        names.add(name)
        const next = fileOf(file, name)
        if (next !== undefined) visit(next)
      }
    }
    visit(source)
    expect(seen.size).toBeGreaterThan(60)
    expect(Array.from(names).filter((name) => name.startsWith("node:"))).toEqual([])
  })
})
