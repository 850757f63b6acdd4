import { assert, describe, it } from "@effect/vitest"
import * as couchdb from "effect-couchdb"
import { Attachment, Collection, CouchHttp, Document, Server, Transport, View } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as RegExps from "effect/RegExp"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"
import { type Contract, database, raw, run } from "./contract/suite.js"
import { embedded, fetchTransport, real } from "./contract/targets.js"
import { answer, transport } from "./support/transport.js"

const packages = new URL("../../", import.meta.url)
const page = readFileSync(new URL("docs/endpoints.md", packages), "utf8")

/** The rows of the tables: an endpoint, then operations and their tests, or why there are none. */
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

describe("where no test should go on a server that others use", () => {
  it.effect("steps of a cluster and of its nodes are asked for as the reference says", () => {
    const asked: Array<unknown> = []
    const job = {
      id: "1",
      type: "split",
      node: "n",
      source: "s",
      target: ["a", "b"],
      job_state: "running",
      split_state: "initial_copy",
      start_time: "2019-03-28T15:28:02Z",
      update_time: "2019-03-28T15:28:08Z"
    }
    const answers: Readonly<Record<string, unknown>> = {
      "GET /_node/_local/_prometheus": "couchdb_uptime_seconds 7",
      "POST /_reshard/jobs": [{ ok: true, id: "1", node: "n", shard: "s" }, { error: "no", node: "m", shard: "s" }],
      "GET /_reshard/jobs/1": job,
      "GET /_reshard/jobs/1/state": { state: "running", reason: null }
    }
    const stub = Layer.succeed(
      Transport.Transport,
      transport(({ body, method, path }) =>
        Effect.sync(() => {
          asked.push([`${method} ${path}`, ...(typeof body === "string" ? [JSON.parse(body)] : [])])
          return answer(200, answers[`${method} ${path}`] ?? { ok: true })
        })
      )
    )
    return Effect.gen(function*() {
      const password = Redacted.make("secret")
      yield* Server.setUpCluster({ action: "add_node", username: "ada", password, options: { host: "b", port: 5984 } })
      yield* Server.reloadConfig()
      assert.include(yield* Server.prometheus(), "uptime_seconds 7")
      yield* Server.setReshardState("stopped", "for tonight")
      const [started, refused] = yield* Server.startReshard({ database: "zoo", range: "00000000-7fffffff" })
      assert.deepStrictEqual([started?.id, refused?.error], [Option.some("1"), Option.some("no")])
      const running = yield* Server.reshardJob("1")
      assert.deepStrictEqual([running.state, running.phase, running.target], ["running", "initial_copy", ["a", "b"]])
      assert.deepStrictEqual(yield* Server.reshardJobState("1"), { state: "running", reason: Option.none() })
      yield* Server.setReshardJobState("1", "stopped")
      yield* Server.removeReshardJob("1")
      assert.deepStrictEqual(asked, [
        ["POST /_cluster_setup", { host: "b", port: 5984, action: "add_node", username: "ada", password: "secret" }],
        ["POST /_node/_local/_config/_reload", {}],
        ["GET /_node/_local/_prometheus"],
        ["PUT /_reshard/state", { state: "stopped", reason: "for tonight" }],
        ["POST /_reshard/jobs", { type: "split", db: "zoo", range: "00000000-7fffffff" }],
        ["GET /_reshard/jobs/1"],
        ["GET /_reshard/jobs/1/state"],
        ["PUT /_reshard/jobs/1/state", { state: "stopped" }],
        ["DELETE /_reshard/jobs/1"]
      ])
    }).pipe(Effect.provide(CouchHttp.layer({ url: "http://stub" }).pipe(Layer.provide(stub))))
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
