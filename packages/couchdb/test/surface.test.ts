import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"

const packages = fileURLToPath(new URL("../../", import.meta.url))

for (const name of ["couchdb", "couchdb-node", "couchdb-embedded"]) {
  const folder = `${packages}${name}/`
  const files = new Map(
    readdirSync(`${folder}src`, { recursive: true, encoding: "utf8" })
      .filter((file) => /(?:^|[\\/])[A-Z]\w*\.ts$/.test(file))
      .map((file) => [basename(file, ".ts"), file.replaceAll("\\", "/")])
  )
  const modules = Array.from(files.keys())
  const manifest = JSON.parse(readFileSync(`${folder}package.json`, "utf8")) as {
    readonly exports: Readonly<Record<string, unknown>>
    readonly tshy: { readonly exports: Readonly<Record<string, string>> }
  }

  describe(`effect-${name}`, () => {
    it("has a sub-path for every public module", () => {
      assert.isNotEmpty(modules)
      for (const module of modules) {
        assert.property(manifest.exports, `./${module}`)
        assert.strictEqual(manifest.tshy.exports[`./${module}`], `./src/${files.get(module)}`)
      }
      assert.sameMembers(Object.keys(manifest.exports), Object.keys(manifest.tshy.exports))
    })

    it.each(modules)("%s: every public name has a docstring with @since and @category", (module) => {
      const lines = readFileSync(`${folder}src/${files.get(module)}`, "utf8").split("\n")
      const undocumented = lines.flatMap((line, i) => {
        if (!/^export (?:declare )?(?:const|class|interface|type|function|abstract)\b/.test(line)) return []
        // An eslint directive may stand between a docstring and its name.
        const end = lines.slice(0, i).reverse().findIndex((above) => !/^\/\/ eslint-/.test(above))
        const last = i - 1 - end
        const start = lines.slice(0, last + 1).lastIndexOf("/**")
        const doc = lines[last] === " */" ? lines.slice(start, last + 1).join("\n") : ""
        return /@since \d/.test(doc) && /@category \S/.test(doc) ? [] : [line]
      })
      assert.deepStrictEqual(undocumented, [])
      assert.match(lines.join("\n"), /^\/\*\*[\s\S]*?@since/)
    })
  })
}
