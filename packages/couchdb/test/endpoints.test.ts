import { assert, describe, it } from "@effect/vitest"
import * as couchdb from "effect-couchdb"
import { Attachment, Collection, Document, View } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as RegExps from "effect/RegExp"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"
import { type Contract, database, raw, run } from "./contract/suite.js"
import { embedded, fetchTransport, real } from "./contract/targets.js"

const packages = new URL("../../", import.meta.url)
const page = readFileSync(new URL("docs/endpoints.md", packages), "utf8")

/** The rows of the tables: an endpoint, then its operations and their tests, or why it has no operation. */
const rows = page.split("\n").filter((line) => line.startsWith("| `")).map((line) => {
  const [endpoint = "", operations = "", tests = "", reason = "", ...more] = line.slice(1, -1).split("|").map((cell) =>
    cell.trim()
  )
  assert.deepStrictEqual(more, [], line)
  return {
    endpoint,
    operations: Array.from(operations.matchAll(/`(.+?)`/g), ([, name = ""]) => name),
    tests: tests === "" ? [] : tests.split("<br>").map((test) => /^`(.+)` (.+)$/.exec(test)?.slice(1) ?? [test]),
    reason
  }
})

describe("the page of endpoints", () => {
  it("has a row for each of the 135 endpoints of CouchDB's reference, and counts them right", () => {
    for (const { endpoint } of rows) assert.match(endpoint, /^`(GET|HEAD|POST|PUT|DELETE|COPY|ANY) \/\S*`$/)
    assert.strictEqual(new Set(rows.map(({ endpoint }) => endpoint)).size, rows.length)
    assert.isAtLeast(rows.length, 135)
    const covered = rows.filter(({ operations }) => operations.length > 0).length
    assert.include(page, `lists ${rows.length} endpoints`)
    assert.include(page, `${covered} of them have an operation here, and\n${rows.length - covered} have none`)
  })

  it("has operations with tests, or a reason, in every row", () => {
    for (const { endpoint, operations, reason, tests } of rows) {
      assert.strictEqual(operations.length === 0, tests.length === 0, endpoint)
      assert.strictEqual(operations.length === 0, reason !== "", endpoint)
    }
  })

  it("names operations that are exported", () => {
    const modules = couchdb as unknown as Readonly<Record<string, Readonly<Record<string, unknown>>>>
    for (const name of rows.flatMap(({ operations }) => operations)) {
      const [module = "", operation = "", ...more] = name.split(".")
      assert.deepStrictEqual(more, [], name)
      assert.isDefined(modules[module]?.[operation], name)
    }
  })

  it("names tests that are there", () => {
    for (const [file = "", title = ""] of rows.flatMap(({ tests }) => tests)) {
      // Tests of several servers have the server's name before their title.
      const declared = new RegExp(`\\bit[\\w.]*\\(\\s*["\`](?:\\$\\{name\\}: )?${RegExps.escape(title)}["\`]`)
      assert.isTrue(declared.test(readFileSync(new URL(file, packages), "utf8")), `${file}: ${title}`)
    }
  })
})

/** Writes two documents of a kind, and asks for them. */
const listed = <V>(name: string, view: View.View<string, V>, kind: string) =>
  Effect.gen(function*() {
    const [x, y] = [`${kind}/x`, `${kind}/y`] as const
    for (const id of [x, y]) yield* raw("PUT", `/${name}/${id}`, {})
    const found = (page: View.Page<View.Row<string, V, unknown> | View.Refused> | undefined) =>
      page?.rows.filter(View.isRow).map(({ key }) => key)
    // So many that no query can hold them.
    const nobody = Array.from({ length: 300 }, (_, i) => `${kind}/nobody-${i}`)
    const many = yield* View.fetch(name, view, { keys: [...nobody, y, "a"] })
    assert.deepStrictEqual([many.rows.length, found(many)], [301, [y]])
    const [all, one] = yield* View.queries(name, view, [{}, { keys: [x] }])
    assert.deepStrictEqual([found(all), found(one)], [[x, y], [x]])
  })

const designs: Contract = (it) => {
  it.scoped("files of a design document go up, come down and go", () =>
    Effect.gen(function*() {
      const docs = Collection.make(yield* database, Schema.Struct({}))
      const bytes = new TextEncoder().encode("<h1>zoo</h1>")
      const doc = yield* Document.create(docs, "_design/zoo", {})
      const saved = yield* Attachment.put(doc, "index.html", { contentType: "text/html", bytes })
      const place = Attachment.at(docs, "_design/zoo")
      const read = yield* Stream.runCollect(Attachment.get(place, "index.html"))
      assert.deepStrictEqual(Array.from(read).flatMap((chunk) => Array.from(chunk)), Array.from(bytes))
      assert.strictEqual((yield* Attachment.info(place, "index.html")).contentType, "text/html")
      yield* Attachment.delete(saved, "index.html")
      assert.strictEqual((yield* Effect.flip(Attachment.info(place, "index.html")))._tag, "NotFoundError")
    }))

  it.scoped("design documents and local ones, by many keys and by several queries", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* raw("PUT", `/${name}/a`, {})
      yield* listed(name, View.designDocs, "_design")
      yield* listed(name, View.localDocs, "_local")
    }))
}

// At the end, since the runner of a layer takes the place of the file's own.
run(embedded, { designs })
if (process.env["COUCHDB_URL"] !== undefined) run(real("fetch", fetchTransport), { designs })
