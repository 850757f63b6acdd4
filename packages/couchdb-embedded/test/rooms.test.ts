import { assert, describe, it } from "@effect/vitest"
import { ESLint } from "eslint"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const folder = `${root}packages/couchdb-embedded/`
const floors = JSON.parse(readFileSync(`${folder}floors.json`, "utf8")) as ReadonlyArray<
  Readonly<Record<string, string>>
>
const eslint = new ESLint({
  cwd: root,
  overrideConfig: { rules: { "@typescript-eslint/no-unused-vars": "off", "import/no-cycle": "off" } }
})

/** The linter's messages for a file of `packages/couchdb-embedded/src` with this line only. */
const messagesOf = async (file: string, line: string): Promise<ReadonlyArray<string>> => {
  const [result] = await eslint.lintText(`${line}\n`, { filePath: `${folder}src/${file}` })
  return (result?.messages ?? []).map(({ message }) => message)
}

describe("the rooms of effect-couchdb-embedded", () => {
  it("are the folders of src, each on one floor", () => {
    const folders = readdirSync(`${folder}src`, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
    assert.sameMembers(floors.flatMap(Object.keys), folders)
  })

  it("are listed in CONTRIBUTING.md", () => {
    const [, section = ""] = readFileSync(`${root}CONTRIBUTING.md`, "utf8").split("packages/couchdb-embedded/src\n")
    const rows = Array.from(
      (section.split("\n## ")[0] ?? "").matchAll(/^\| (\d+) \| `(\w+)\/` \| (.*) \|$/gm),
      ([, floor, room, contents]) => [Number(floor), room, contents]
    )
    const listed = floors.flatMap((rooms, i) => Object.entries(rooms).map(([room, what]) => [i + 1, room, what]))
    assert.sameDeepMembers(rows, listed)
  })

  const upward: ReadonlyArray<readonly [file: string, line: string]> = [
    ["http/request.ts", "import type { Database } from \"../storage/state.js\""],
    ["storage/state.ts", "import { run } from \"../replication/run.js\""],
    ["documents/bulk.ts", "export { prepare } from \"../replication/documents.js\""],
    ["views/source.ts", "import { matches } from \"../mango/find.js\""],
    ["engine/engine.ts", "import type { EmbeddedCouch } from \"../index.js\""]
  ]

  it.each(upward)("may not import upwards: %s, %s", async (file, line) => {
    const messages = await messagesOf(file, line)
    assert.isTrue(messages.some((message) => message.includes("lower floors")), messages.join())
  })

  it("may import downwards", async () => {
    assert.deepStrictEqual(
      await messagesOf("engine/engine.ts", "export { run } from \"../replication/run.js\""),
      []
    )
  })
})
