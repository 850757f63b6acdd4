import { assert } from "@effect/vitest"
import { Attachment, Bulk, Collection, CouchHttp, Document, Replication, type Revision } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { gzipSync } from "node:zlib"
import { sample } from "../support/deep.js"
import { Butterfly, type Contract, database, raw, stored } from "./suite.js"

const binary = (length: number, seed = 7) => Uint8Array.from({ length }, (_, n) => (n * seed + (n >> 8) * 13) & 255)

const size = (body: unknown): number => typeof body === "string" || body instanceof Uint8Array ? body.length : 0

/** A side that counts the bytes of the bodies that were sent and received. */
const counted = (database: string) =>
  Effect.map(CouchHttp.CouchHttp, (couch) => {
    const moved = { sent: 0, came: 0 }
    const passing = <E>(name: "sent" | "came", bytes: Stream.Stream<Uint8Array, E>) =>
      Stream.tap(bytes, ({ length }) =>
        Effect.sync(() => {
          moved[name] += length
        }))
    const noted = (request: CouchHttp.CouchRequest): CouchHttp.CouchRequest => {
      const { body } = request
      moved.sent += size(body)
      return Stream.StreamTypeId in Object(body)
        ? { ...request, body: passing("sent", body as Stream.Stream<Uint8Array, never>) }
        : request
    }
    const endpoint: Replication.Endpoint = {
      database,
      couch: {
        ...couch,
        execute: (request) =>
          Effect.tap(couch.execute(noted(request)), ({ body }) => {
            moved.came += size(body)
          }),
        stream: (request) =>
          Effect.map(
            couch.stream(noted(request)),
            (response) => ({ ...response, body: passing("came", response.body) })
          )
      }
    }
    /** What was moved since it was asked last. */
    const since = Effect.sync(() => {
      const now = { ...moved }
      Object.assign(moved, { sent: 0, came: 0 })
      return now
    })
    return { endpoint, since }
  })

const scene = Effect.gen(function*() {
  const [here, there] = [yield* database, yield* database]
  const [source, target] = [yield* counted(here), yield* counted(there)]
  const run = Replication.run(source.endpoint, target.endpoint, { checkpoints: false }).pipe(
    Effect.tap(({ failures }) => assert.deepStrictEqual(failures, []))
  )
  return {
    here,
    there,
    source,
    target,
    run,
    ours: Collection.make(here, Butterfly),
    theirs: Collection.make(there, Butterfly)
  }
})

const bytesOf = (database: string, id: string, name: string, rev?: string) =>
  Effect.map(
    Stream.runCollect(Attachment.get(
      Attachment.at(Collection.make(database, Butterfly), id, rev as Revision.Revision | undefined),
      name
    )),
    (pieces) => Buffer.concat(Array.from(pieces))
  )

const stubsOf = (database: string, id: string) =>
  Effect.map(
    stored(database, id, "?att_encoding_info=true"),
    (text) => (JSON.parse(text) as { _attachments?: unknown })._attachments
  )

export const replicatedFiles: Contract = (it) => {
  it.scoped("by this program: an attachment that the target has is not sent again", () =>
    Effect.gen(function*() {
      const { here, ours, run, source, target, there } = yield* scene
      const first = yield* Attachment.save(Document.make(ours, "a", { name: "a", seen: 1 }), {
        "big.bin": { contentType: "application/octet-stream", bytes: binary(200_000) },
        "small.bin": { contentType: "application/octet-stream", bytes: binary(20_000) }
      })
      yield* run
      yield* Effect.all([source.since, target.since])

      const edited = yield* Document.save(Document.modify(first, (body) => ({ ...body, seen: 2 })))
      yield* run
      const [readFirst, wroteFirst] = yield* Effect.all([source.since, target.since])
      assert.isBelow(readFirst.came, 5000)
      assert.isBelow(wroteFirst.sent, 5000)

      const more = yield* Attachment.put(edited, "other.bin", {
        contentType: "application/octet-stream",
        bytes: binary(10_000, 3)
      })
      yield* run
      const wroteSmall = yield* target.since
      assert.isAbove(wroteSmall.sent, 10_000)
      assert.isBelow(wroteSmall.sent, 18_000)
      yield* source.since

      yield* Attachment.put(more, "large.bin", { contentType: "application/octet-stream", bytes: binary(100_000, 5) })
      yield* run
      const [read, wrote] = yield* Effect.all([source.since, target.since])
      for (const bytes of [read.came, wrote.sent]) {
        assert.isAbove(bytes, 100_000)
        assert.isBelow(bytes, 105_000)
      }
      assert.deepStrictEqual(yield* stubsOf(there, "a"), yield* stubsOf(here, "a"))
      for (const name of ["big.bin", "small.bin", "other.bin", "large.bin"]) {
        assert.isTrue((yield* bytesOf(there, "a", name)).equals(yield* bytesOf(here, "a", name)), name)
      }
    }))

  it.scoped("by this program: an attachment that the target was thought to have is sent after all", () =>
    Effect.gen(function*() {
      const { here, ours, run, there } = yield* scene
      for (const [id, length] of [["small", 1000], ["large", 100_000]] as const) {
        const first = yield* Attachment.save(Document.make(ours, id, { name: id, seen: 1 }), {
          "x.bin": { contentType: "application/octet-stream", bytes: binary(length) }
        })
        // The same revision, but the client that wrote it here gave it no attachment.
        yield* Bulk.insert(there, [{
          id,
          revisions: [yield* Document.revision(first)],
          body: { name: id, seen: 1 }
        }])
        yield* Document.save(Document.modify(first, (body) => ({ ...body, seen: 2 })))
      }
      yield* run
      for (const id of ["small", "large"]) {
        assert.deepStrictEqual(yield* stubsOf(there, id), yield* stubsOf(here, id))
        assert.isTrue((yield* bytesOf(there, id, "x.bin")).equals(yield* bytesOf(here, id, "x.bin")), id)
      }
    }))

  it.scoped("by this program: each sibling has its own files under the same names", () =>
    Effect.gen(function*() {
      const { here, ours, run, theirs, there } = yield* scene
      const one = yield* Attachment.save(Document.make(ours, "a", { name: "ours", seen: 1 }), {
        "x.bin": { contentType: "application/octet-stream", bytes: binary(90_000, 3) }
      })
      const other = yield* Attachment.save(Document.make(theirs, "a", { name: "theirs", seen: 1 }), {
        "x.bin": { contentType: "application/octet-stream", bytes: binary(80_000, 5) }
      })
      yield* run
      const edited = yield* Document.save(Document.modify(one, (body) => ({ ...body, seen: 2 })))
      yield* run
      const [rev, otherRev] = [yield* Document.revision(edited), yield* Document.revision(other)]
      assert.isTrue((yield* bytesOf(there, "a", "x.bin", rev)).equals(yield* bytesOf(here, "a", "x.bin", rev)))
      assert.isTrue(Buffer.from(binary(80_000, 5)).equals(yield* bytesOf(there, "a", "x.bin", otherRev)))
    }))

  it.scoped("by this program: what is stored compressed arrives as it was compressed", () =>
    Effect.gen(function*() {
      const { here, ours, run, there } = yield* scene
      const text = "noon and after ".repeat(300)
      // Compressed otherwise than any server does it.
      const first = yield* Document.create(ours, "a", { name: "a", seen: 1 })
      yield* Attachment.put(first, "note.txt", {
        contentType: "text/plain",
        encoding: "gzip",
        bytes: gzipSync(text, { level: 1 })
      })
      yield* Attachment.save(Document.make(ours, "b", { name: "b", seen: 1 }), {
        "note.txt": { contentType: "text/plain", bytes: text }
      })
      yield* run
      for (const id of ["a", "b"]) {
        assert.deepStrictEqual(yield* stubsOf(there, id), yield* stubsOf(here, id))
        assert.strictEqual((yield* bytesOf(there, id, "note.txt")).toString(), text)
      }
    }))

  it.scoped("by this program: some megabytes under an odd name, and a file of nothing, arrive unchanged", () =>
    Effect.gen(function*() {
      const { here, ours, run, target, there } = yield* scene
      const bytes = binary(sample(1, 5) * 1024 * 1024, 11)
      yield* Attachment.save(Document.make(ours, "ünï/cö de?", { name: "odd", seen: 1 }), {
        "a b/c?d#e": { contentType: "application/octet-stream", bytes },
        "empty": { contentType: "application/octet-stream", bytes: new Uint8Array(0) }
      })
      yield* run
      assert.isAbove((yield* target.since).sent, bytes.length)
      assert.isTrue((yield* bytesOf(there, "ünï/cö de?", "a b/c?d#e")).equals(bytes))
      assert.strictEqual((yield* bytesOf(there, "ünï/cö de?", "empty")).length, 0)
      assert.deepStrictEqual(yield* stubsOf(there, "ünï/cö de?"), yield* stubsOf(here, "ünï/cö de?"))
    }))

  it.scoped("by the server: ids of a filter are what they say, however they are written", () =>
    Effect.gen(function*() {
      const { here, there } = yield* scene
      const ids = ["a+b", "c%41", "d e/ü", "plain"]
      for (const id of ids) yield* raw("PUT", `/${here}/${encodeURIComponent(id)}`, {})
      const done = yield* Replication.once({
        source: here,
        target: there,
        filter: { _tag: "Ids", ids: ids.slice(0, 3) }
      })
      assert.strictEqual(done.history[0]?.statistics.documentsWritten, 3)
      for (const id of ids.slice(0, 3)) assert.include(yield* stored(there, id), "_rev")
    }))
}
