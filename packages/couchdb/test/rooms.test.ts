import { assert, describe, it } from "@effect/vitest"
import { ESLint } from "eslint"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const floors = JSON.parse(readFileSync(`${root}packages/couchdb/floors.json`, "utf8")) as ReadonlyArray<
  Readonly<Record<string, string>>
>
const eslint = new ESLint({
  cwd: root,
  overrideConfig: { rules: { "@typescript-eslint/no-unused-vars": "off", "import/no-cycle": "off" } }
})

/** The messages of the linter about a file of `packages/couchdb/src` that holds only this line. */
const messagesOf = async (file: string, line: string): Promise<ReadonlyArray<string>> => {
  const [result] = await eslint.lintText(`${line}\n`, { filePath: `${root}packages/couchdb/src/${file}` })
  return (result?.messages ?? []).map(({ message }) => message)
}

describe("the rooms of effect-couchdb", () => {
  it("are the folders of src, each on one floor", () => {
    const folders = readdirSync(`${root}packages/couchdb/src`, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
    assert.sameMembers(floors.flatMap(Object.keys), folders)
  })

  it("are listed in CONTRIBUTING.md", () => {
    const [, section = ""] = readFileSync(`${root}CONTRIBUTING.md`, "utf8").split("packages/couchdb/src\n")
    const rows = Array.from(
      (section.split("\n## ")[0] ?? "").matchAll(/^\| (\d+) \| `(\w+)\/` \| (.*) \|$/gm),
      ([, floor, room, contents]) => [Number(floor), room, contents]
    )
    const listed = floors.flatMap((rooms, i) => Object.entries(rooms).map(([room, what]) => [i + 1, room, what]))
    assert.sameDeepMembers(rows, listed)
  })

  const upward: ReadonlyArray<readonly [file: string, line: string]> = [
    ["data/Json.ts", "import type { CouchRequest } from \"../http/CouchHttp.js\""],
    ["data/Json.ts", "import { CouchHttp } from \"../http/CouchHttp.js\""],
    ["http/client.ts", "export { compile } from \"../merge/compile.js\""],
    ["rows/reader.ts", "import type { Changes } from \"../changes/Changes.js\""],
    ["document/read.ts", "import type { ServerError } from \"../CouchError.js\""],
    ["bulk/Bulk.ts", "import * as Conflict from \"../resolution/Conflict.js\""]
  ]

  it.each(upward)("may not import upwards: %s, %s", async (file, line) => {
    const messages = await messagesOf(file, line)
    assert.isTrue(messages.some((message) => message.includes("lower floors")), messages.join())
  })

  it("may import downwards", async () => {
    assert.deepStrictEqual(
      await messagesOf("bulk/Bulk.ts", "export { CouchHttp } from \"../http/CouchHttp.js\""),
      []
    )
  })
})
