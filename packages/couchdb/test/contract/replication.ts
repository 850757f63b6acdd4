import { assert } from "@effect/vitest"
import {
  Attachment,
  Bulk,
  Changes,
  Collection,
  CouchHttp,
  Database,
  Document,
  Replication,
  type Revision
} from "effect-couchdb"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Butterfly, type Contract, database, raw, stored } from "./suite.js"

const endpoint = (database: string) =>
  Effect.map(CouchHttp.CouchHttp, (couch): Replication.Endpoint => ({ couch, database }))

/** Two databases, and what they have in the end. */
const pair = Effect.gen(function*() {
  const [here, there] = [yield* database, yield* database]
  return { here, there, source: yield* endpoint(here), target: yield* endpoint(there) }
})

const leaves = (database: string) =>
  Effect.map(
    Changes.fetch(database, { style: "all_docs" }),
    ({ changes }) => changes.map(({ id, revisions }) => `${id}: ${[...revisions].sort().join(" ")}`).sort()
  )

const binary = (length: number) => Uint8Array.from({ length }, (_, n) => (n * 7 + (n >> 8) * 13) & 255)

/** Documents of every kind: edited, deleted, in conflict, with small and large attachments, with odd ids. */
const filled = (name: string) =>
  Effect.gen(function*() {
    const zoo = Collection.make(name, Butterfly)
    yield* Bulk.save(Arr.makeBy(30, (n) => Document.make(zoo, `doc-${n}`, { name: `${n}`, seen: n })))
    const read = Arr.getRights(yield* Bulk.fetch(zoo, Arr.makeBy(10, (n) => `doc-${n}`)))
    yield* Bulk.save(read.map(Document.modify((body) => ({ ...body, seen: -1 }))))
    yield* Document.fetch(zoo, "doc-20").pipe(Effect.flatMap(Document.delete))
    yield* Bulk.insert(name, [
      {
        id: "doc-1",
        revisions: ["2-aa", "1-bb"] as unknown as Bulk.Version["revisions"],
        body: { name: "s", seen: 1 }
      },
      {
        id: "doc-1",
        revisions: ["3-cc", "2-dd", "1-bb"] as unknown as Bulk.Version["revisions"],
        deleted: true,
        body: { why: "gone" }
      }
    ])
    yield* Attachment.save(Document.make(zoo, "small", { name: "small", seen: 1 }), {
      "a b/c?d#e": { contentType: "image/png", bytes: binary(1000) },
      "note.txt": { contentType: "text/plain", bytes: "noon ".repeat(200) }
    })
    yield* Attachment.save(Document.make(zoo, "large", { name: "large", seen: 1 }), {
      "big.bin": { contentType: "application/octet-stream", bytes: binary(300_000) },
      "note.txt": { contentType: "text/plain", bytes: "noon ".repeat(20_000) }
    })
    yield* raw("PUT", `/${name}/exact`, `{"big":12345678901234567890,"f":1.0,"name":"x","seen":1}`)
    yield* Document.create(zoo, "ünï/cö de?", { name: "odd", seen: 1 })
    yield* raw("PUT", `/${name}/_design/views`, { views: {} })
    return zoo
  })

const fileOf = (database: string, id: string, name: string) =>
  Effect.map(
    Stream.runCollect(Attachment.get(Attachment.at(Collection.make(database, Butterfly), id), name)),
    (pieces) => Uint8Array.from(Array.from(pieces).flatMap((piece) => [...piece]))
  )

export const replication: Contract = (it) => {
  it.scoped("by this program: siblings, tombstones, attachments and numbers arrive as they are", () =>
    Effect.gen(function*() {
      const { here, source, target, there } = yield* pair
      yield* filled(here)
      const done = yield* Replication.run(source, target, { batch: 7 })
      assert.deepStrictEqual(done.failures, [])
      assert.isTrue(done.caughtUp)
      assert.deepStrictEqual(yield* leaves(there), yield* leaves(here))
      assert.strictEqual(done.statistics.documentsWritten, done.statistics.missingFound)
      assert.strictEqual(yield* stored(there, "exact"), yield* stored(here, "exact"))
      assert.include(yield* stored(there, "doc-1", "?rev=3-cc"), `"why":"gone"`)
      for (
        const [id, name] of [["small", "a b/c?d#e"], ["small", "note.txt"], ["large", "big.bin"], [
          "large",
          "note.txt"
        ]] as const
      ) {
        assert.deepStrictEqual(yield* fileOf(there, id, name), yield* fileOf(here, id, name))
        const digest = (database: string) =>
          Effect.map(
            Attachment.info(Attachment.at(Collection.make(database, Butterfly), id), name),
            (info) => info.digest
          )
        assert.strictEqual(yield* digest(there), yield* digest(here))
      }

      // And back again there is nothing to do.
      const back = yield* Replication.run(target, source)
      assert.strictEqual(back.statistics.missingFound, 0)
    }))

  it.scoped("by this program: resumes from CouchDB's checkpoints on both sides", () =>
    Effect.gen(function*() {
      const { here, source, target, there } = yield* pair
      const zoo = yield* filled(here)
      const first = yield* Replication.run(source, target)
      for (const name of [here, there]) {
        const local = JSON.parse(
          yield* Effect.map(
            raw("GET", `/${name}/_local/${first.id}`),
            (response) =>
              String(response.body instanceof Uint8Array ? new TextDecoder().decode(response.body) : response.body)
          )
        )
        assert.strictEqual(local.source_last_seq, first.sequence)
        assert.strictEqual(local.history[0].session_id, local.session_id)
        assert.strictEqual(local.history[0].recorded_seq, first.sequence)
        assert.strictEqual(local.replication_id_version, 4)
      }
      const again = yield* Replication.run(source, target)
      assert.strictEqual(again.statistics.revisionsChecked, 0)
      yield* Document.create(zoo, "new", { name: "new", seen: 1 })
      const more = yield* Replication.run(source, target)
      assert.deepStrictEqual([more.statistics.revisionsChecked, more.statistics.documentsWritten], [1, 1])
      // A target that lost its memory is looked through again.
      yield* raw("DELETE", `/${there}/_local/${first.id}`)
      const whole = yield* Replication.run(source, target)
      assert.isAbove(whole.statistics.revisionsChecked, 30)
      assert.strictEqual(whole.statistics.missingFound, 0)
    }))

  it.scoped("by this program: filters by ids, selector, function and view, and for design documents", () =>
    Effect.gen(function*() {
      const { here, source } = yield* pair
      yield* filled(here)
      yield* raw("PUT", `/${here}/_design/f`, {
        filters: { many: "function(doc, req) { return doc.seen >= Number(req.query.least) }" },
        views: { one: { map: "function(doc) { if (doc.seen === 27) emit(doc._id) }" } }
      })
      const into = (filter: Changes.Filter) =>
        Effect.gen(function*() {
          const name = yield* database
          const done = yield* Replication.run(source, yield* endpoint(name), { filter })
          const changes = yield* Changes.fetch(name)
          return { id: done.id, ids: changes.changes.map(({ id }) => id).sort() }
        })
      const byIds = yield* into(Changes.byIds(["doc-1", "small", "nobody"]))
      assert.deepStrictEqual(byIds.ids, ["doc-1", "small"])
      const bySelector = yield* into(Changes.bySelector({ seen: { $gte: 28 } }))
      assert.deepStrictEqual(bySelector.ids, ["doc-28", "doc-29"])
      assert.notStrictEqual(bySelector.id, byIds.id)
      assert.deepStrictEqual((yield* into(Changes.byFunction("f", "many", { least: "28" }))).ids, ["doc-28", "doc-29"])
      assert.deepStrictEqual((yield* into(Changes.designDocuments)).ids, ["_design/f", "_design/views"])
      assert.deepStrictEqual((yield* into(Changes.byView("f", "one"))).ids, ["doc-27"])
    }))

  it.scoped("by this program: a database that is not there, and one that is made", () =>
    Effect.gen(function*() {
      const { here, source, there } = yield* pair
      yield* filled(here)
      yield* Database.delete(there)
      const target = yield* endpoint(there)
      assert.strictEqual((yield* Effect.flip(Replication.run(source, target)))._tag, "NotFoundError")
      yield* Replication.run(source, target, { createTarget: true })
      assert.deepStrictEqual(yield* leaves(there), yield* leaves(here))
    }))

  it.scoped("by this program: reports what the target refuses, and continues with the rest", () =>
    Effect.gen(function*() {
      const { here, source, target, there } = yield* pair
      const zoo = Collection.make(here, Butterfly)
      yield* raw("PUT", `/${there}/_design/v`, {
        validate_doc_update: "function(doc) { if (doc.seen === 13) throw({ forbidden: 'unlucky' }) }"
      })
      yield* Bulk.save(Arr.makeBy(20, (n) => Document.make(zoo, `doc-${n}`, { name: `${n}`, seen: n })))
      // Validation does not hold for administrators of every version: what counts is that nothing is lost in silence.
      const done = yield* Replication.run(source, target)
      const there_ = Arr.getRights(
        yield* Bulk.fetch(Collection.make(there, Butterfly), Arr.makeBy(20, (n) => `doc-${n}`))
      )
      assert.strictEqual(there_.length + done.failures.length, 20)
      assert.deepStrictEqual(done.failures.map(({ error, id }) => [id, error._tag]), [["doc-13", "ForbiddenError"]])
      assert.strictEqual(done.statistics.writeFailures, 1)
    }))

  it.scoped("by this program, live: what is written later comes too", () =>
    Effect.gen(function*() {
      const { here, source, target, there } = yield* pair
      const zoo = yield* filled(here)
      const seen: Array<Replication.Progress> = []
      const fiber = yield* Replication.replicate(source, target, { live: true, poll: "2 seconds" }).pipe(
        Stream.tap((progress) => Effect.sync(() => seen.push(progress))),
        Stream.takeUntil(({ failures, statistics }) => failures.length > 0 || statistics.documentsWritten >= 40),
        Stream.runDrain,
        Effect.fork
      )
      for (let n = 0; n < 10; n++) yield* Document.create(zoo, `later-${n}`, { name: "later", seen: n })
      yield* Fiber.join(fiber)
      assert.isTrue(seen.length > 0)
      yield* Replication.run(source, target)
      assert.deepStrictEqual(yield* leaves(there), yield* leaves(here))
    }))

  it.scoped("a revision that is compacted away is skipped for its successor", () =>
    Effect.gen(function*() {
      const { here, source, target, there } = yield* pair
      const zoo = yield* filled(here)
      const doc = yield* Document.fetch(zoo, "small")
      yield* Document.save(Document.modify(doc, (body) => ({ ...body, seen: 2 })))
      yield* raw("POST", `/${here}/_compact`, {})
      yield* Replication.run(source, target)
      assert.deepStrictEqual(yield* leaves(there), yield* leaves(here))
      assert.strictEqual((yield* fileOf(there, "small", "a b/c?d#e")).length, 1000)
    }))

  it.scoped("a sibling of an unknown branch joins its document", () =>
    Effect.gen(function*() {
      const { here, source, target, there } = yield* pair
      const ours = Collection.make(here, Butterfly)
      const theirs = Collection.make(there, Butterfly)
      yield* Document.create(ours, "a", { name: "ours", seen: 1 })
      yield* Document.create(theirs, "a", { name: "theirs", seen: 2 })
      yield* Replication.run(source, target)
      yield* Replication.run(target, source)
      assert.deepStrictEqual(yield* leaves(here), yield* leaves(there))
      const siblings = yield* Effect.flatMap(Document.fetch(ours, "a"), Document.conflicts)
      assert.strictEqual(siblings.conflicts.length, 1)
      assert.isTrue(Option.isSome(Option.fromNullable<Revision.Revision | undefined>(siblings.conflicts[0])))
    }))
}
