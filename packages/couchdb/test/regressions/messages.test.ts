import { assert, describe, expect, it } from "@effect/vitest"
import type { CouchHttp } from "effect-couchdb"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { fetchTransport, real } from "../contract/targets.js"
import { embeddedLayer, type ErrorCase, errorIn, sections } from "../support/situations.js"

const file = fileURLToPath(new URL("../../../docs/messages.md", import.meta.url))

const introduction = `# Error messages

The messages of the library in each situation, and what to do. \`vitest run messages -u\` writes this page. A test compares it
with the actual messages on the embedded CouchDB and, with \`COUCHDB_URL\`, on a real one.

A message begins with the request, or with the document if no request was sent. The server is \`http://127.0.0.1:5984\` here.
The parentheses contain the status, and CouchDB's \`error\` and \`reason\`. No message contains a body, a password, a cookie or a
token.
`

/** The message, and the sentences at its end that say what to do. */
const split = (message: string): readonly [message: string, hint: string] => {
  const [, what, hint] = /^(.*?(?:\(\d{3}.*?\)|No request was sent|[^.]))\. ((?:[A-Z]).*)$/s.exec(message) ?? []
  return what === undefined || hint === undefined ? [message, ""] : [`${what}.`, hint]
}

const code = (text: string): string => {
  const ticks = text.includes("`") ? "``" : "`"
  return text === "" ? "" : `${ticks}${text.replaceAll("|", "\\|")}${ticks}`
}

const page = (messages: ReadonlyMap<string, { readonly tag: string; readonly message: string }>): string =>
  [
    introduction,
    ...sections.map(({ cases, title }) =>
      [
        `## ${title}`,
        "",
        "| situation | error | message | what to do |",
        "|---|---|---|---|",
        ...cases.map(({ title }) => {
          const { message = "", tag = "" } = messages.get(title) ?? {}
          const [what, hint] = split(message)
          return `| ${title} | ${code(tag)} | ${code(what)} | ${code(hint)} |`
        })
      ].join("\n") + "\n"
    )
  ].join("\n")

/** The messages on the page, by their situations. */
const documented = (): ReadonlyMap<string, { readonly tag: string; readonly message: string }> => {
  const text = (cell: string): string => cell.trim().replace(/^`+|`+$/g, "").replaceAll("\\|", "|")
  return new Map(
    readFileSync(file, "utf8").split("\n").filter((line) => line.startsWith("| ")).map((line) => {
      const [, title = "", tag = "", what = "", hint = ""] = line.split(/(?<!\\)\|/)
      return [title.trim(), { tag: text(tag), message: [text(what), text(hint)].filter((x) => x !== "").join(" ") }]
    })
  )
}

const all: ReadonlyArray<ErrorCase> = sections.flatMap(({ cases }) => cases)

const expected = documented()

const holds = (name: string, layer: Layer.Layer<CouchHttp.CouchHttp, unknown>, on: ReadonlyArray<ErrorCase>) =>
  describe(name, () => {
    it.live.each(on)("$title", (errorCase) =>
      Effect.gen(function*() {
        const { message, tag } = yield* errorIn(errorCase)
        assert.deepStrictEqual({ tag, message }, expected.get(errorCase.title))
      }).pipe(Effect.provide(layer)))
  })

describe("the messages on the page of messages", () => {
  it("are those of different situations", () => {
    assert.strictEqual(new Set(all.map(({ title }) => title)).size, all.length)
  })

  it.live("are all there, in this order", () =>
    Effect.gen(function*() {
      const messages = yield* Effect.forEach(all, (errorCase) =>
        Effect.map(Effect.provide(errorIn(errorCase), embeddedLayer), (error) =>
          [errorCase.title, error] as const))
      yield* Effect.promise(() =>
        expect(page(new Map(messages))).toMatchFileSnapshot(file)
      )
    }))

  holds("on an embedded CouchDB", embeddedLayer, all)

  if (process.env["COUCHDB_URL"] !== undefined) {
    holds("on a real CouchDB", real("fetch", fetchTransport).layer, all.filter(({ on }) => on === "any"))
  }
})
