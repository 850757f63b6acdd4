import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8")

/** The programs of the README that run by themselves. */
const programs = Array.from(readme.matchAll(/```ts\n([\s\S]*?)```/g), ([, block = ""]) => block)
  .filter((block) => block.includes("Effect.runPromise"))

const run = async (program: string, name: string): Promise<string> => {
  // Inside the workspace, so that it finds the packages as a user's program does.
  const folder = `${root}node_modules/.readme`
  mkdirSync(folder, { recursive: true })
  const file = `${folder}/${name}.mts`
  writeFileSync(file, program)
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--import=tsx", "--conditions=effect-couchdb-source", file],
      { cwd: root }
    )
    return stdout
  } finally {
    rmSync(file, { force: true })
  }
}

describe("the chapter on lineage", () => {
  it("its address book runs, and prints what stands beneath it", async () => {
    const chapter = readFileSync(new URL("../../docs/lineage.md", import.meta.url), "utf8")
    const [, program = "", promised = ""] = /```ts\n([\s\S]*?)```\n\nIt prints\n\n([\s\S]*?)\n\n`/.exec(chapter) ?? []
    const printed = await run(program, "lineage")
    assert.strictEqual(printed.trimEnd(), promised.replace(/^ {4}/gm, ""))
  }, 60_000)
})

describe("the README", () => {
  it("has the programs that it promises", () => {
    assert.lengthOf(programs, 2)
  })

  it("its first program runs", async () => {
    assert.include(await run(programs[0] ?? "", "first"), "Danaus plexippus")
  }, 60_000)

  it("its four strategies run, and print what stands beside them", async () => {
    const text = programs[1] ?? ""
    const printed = await run(text, "strategies")
    const promised = Array.from(
      text.matchAll(/^ {2}show\("(.*?)", \w+\),? \/\/ (.*)$/gm),
      ([, name, body]) => `${name} ${body}`
    )
    assert.lengthOf(promised, 4)
    assert.deepStrictEqual(printed.trimEnd().split("\n"), promised)
  }, 60_000)
})
