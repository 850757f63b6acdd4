import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { promisify } from "node:util"
import { bundle } from "./support/bundle.js"

const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8")

/** The programs of the README that run by themselves. */
const programs = Array.from(readme.matchAll(/```ts\n([\s\S]*?)```/g), ([, block = ""]) => block)
  .filter((block) => block.includes("Effect.runPromise"))

/** What a program prints. Its file is inside the workspace, so that it finds the packages as a user's program does. */
const run = (program: string, name: string) =>
  Effect.gen(function*() {
    const file = new URL(`../../../node_modules/.readme/${name}.mts`, import.meta.url)
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        mkdirSync(new URL(".", file), { recursive: true })
        writeFileSync(file, program)
      }),
      () => Effect.sync(() => rmSync(file, { force: true }))
    )
    const path = yield* bundle(file)
    const { stdout } = yield* Effect.promise(() => promisify(execFile)(process.execPath, [path]))
    return stdout
  })

describe("the chapter on lineage", () => {
  it.scopedLive("its address book runs, and prints the text below it", () =>
    Effect.gen(function*() {
      const chapter = readFileSync(new URL("../../docs/lineage.md", import.meta.url), "utf8")
      const [, program = "", promised = ""] = /```ts\n([\s\S]*?)```\n\nIt prints\n\n([\s\S]*?)\n\n`/.exec(chapter) ?? []
      const printed = yield* run(program, "lineage")
      assert.strictEqual(printed.trimEnd(), promised.replace(/^ {4}/gm, ""))
    }))
})

describe("the README", () => {
  it("has the programs that it promises", () => {
    assert.lengthOf(programs, 2)
  })

  it.scopedLive("its first program runs", () =>
    Effect.gen(function*() {
      assert.include(yield* run(programs[0] ?? "", "first"), "Danaus plexippus")
    }))

  it.scopedLive("its four strategies run, and print the text beside them", () =>
    Effect.gen(function*() {
      const text = programs[1] ?? ""
      const printed = yield* run(text, "strategies")
      const promised = Array.from(
        text.matchAll(/^ {2}show\("(.*?)", \w+\),? \/\/ (.*)$/gm),
        ([, name, body]) => `${name} ${body}`
      )
      assert.lengthOf(promised, 4)
      assert.deepStrictEqual(printed.trimEnd().split("\n"), promised)
    }))
})
