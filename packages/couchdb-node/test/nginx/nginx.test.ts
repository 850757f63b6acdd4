import { assert, describe, layer } from "@effect/vitest"
import {
  Attachment,
  Auth,
  Bulk,
  Changes,
  Collection,
  CouchHttp,
  Database,
  Document,
  Mango,
  Replication,
  Server,
  View
} from "effect-couchdb"
import * as Serve from "effect-couchdb-embedded/Serve"
import { NodeCouchHttp } from "effect-couchdb-node"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type Configuration, nginx, startNginx } from "./nginx.js"

// Run by `npm run test:nginx`, against an embedded server or the CouchDB that COUCHDB_URL names.
const wanted = process.env["TEST_NGINX"] === "1"

const admin = { username: "admin", password: Redacted.make("password") }

/** The server, and its clients through nginx. */
class Proxied extends Context.Tag("Proxied")<Proxied, {
  readonly url: (name: Configuration) => string
  readonly auth: Auth.Auth
}>() {}

const upstream = Effect.gen(function*() {
  const given = process.env["COUCHDB_URL"]
  if (given === undefined) {
    const { url } = yield* Serve.serve({ admin, quiet: true })
    return { url, auth: Auth.basic(admin.username, admin.password) }
  }
  const { origin, password, username } = new URL(given)
  return {
    url: origin,
    auth: Auth.basic(decodeURIComponent(username), Redacted.make(decodeURIComponent(password)))
  }
})

const proxied = Layer.scoped(
  Proxied,
  Effect.gen(function*() {
    const { auth, url } = yield* upstream
    return { url: yield* startNginx(url), auth }
  })
)

const Note = Schema.Struct({ n: Schema.Number, text: Schema.String })

const through = <A, E, R>(name: Configuration, effect: Effect.Effect<A, E, R | CouchHttp.CouchHttp>) =>
  Effect.flatMap(
    Proxied,
    ({ auth, url }) => Effect.provide(effect, NodeCouchHttp.layer({ url: url(name), auth, timeout: "20 seconds" }))
  )

const database = Effect.acquireRelease(
  Effect.tap(
    Effect.sync(() => `nginx-${globalThis.crypto.randomUUID()}`),
    (name) => through("open", Database.create(name))
  ),
  (name) => Effect.ignore(through("open", Database.delete(name)))
)

const notes = Effect.map(database, (name) => Collection.make(name, Note))

const text = (length: number) => "x".repeat(length)

const bytesOf = <E, R>(stream: Stream.Stream<Uint8Array, E, R>) =>
  Effect.map(Stream.runCollect(stream), (chunks) => Buffer.concat(Chunk.toReadonlyArray(chunks)))

const isForeign = (error: { readonly _tag: string }, status: number) =>
  error._tag === "UnexpectedResponseError" && (error as unknown as { readonly status: number }).status === status

describe.skipIf(!wanted || nginx === undefined)("behind nginx", () => {
  layer(proxied, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    for (const name of ["defaults", "gzip", "open"] as const) {
      it.scoped(
        `${name}: documents, bulk, views, Mango and attachments work as without nginx`,
        () =>
          Effect.gen(function*() {
            const all = yield* notes
            yield* through(
              name,
              Effect.gen(function*() {
                const doc = yield* Document.create(all, "a", { n: 1, text: "a" })
                yield* Document.update(all, "a", (body) => ({ ...body, n: body.n + 1 }))
                assert.strictEqual(
                  (yield* Effect.flip(Document.save(Document.modify(doc, (b) => ({ ...b, n: 9 })))))._tag,
                  "ConflictError"
                )
                assert.isTrue(yield* Document.exists(all, "a"))
                assert.isFalse(yield* Document.exists(all, "b"))
                assert.isTrue(yield* Database.exists(all.database))
                assert.isFalse(yield* Database.ensure(all.database))
                const saved = yield* Bulk.save(
                  Arr.makeBy(300, (n) => Document.make(all, `doc-${n}`, { n, text: text(100) }))
                )
                assert.deepStrictEqual(saved.filter(Either.isLeft).map(({ left }) => left.message), [])
                const fetched = yield* Bulk.fetch(all, Arr.makeBy(300, (n) => `doc-${n}`))
                assert.deepStrictEqual(fetched.filter(Either.isLeft).map(({ left }) => left.message), [])
                assert.lengthOf(Chunk.toReadonlyArray(yield* Stream.runCollect(View.stream(all, View.allDocs))), 301)
                assert.lengthOf((yield* Mango.find(all, { selector: { n: { $lt: 5 } } })).documents, 6)
                const svg = `<svg>${text(20_000)}</svg>`
                const withFile = yield* Attachment.put(yield* Document.fetch(all, "a"), "image.svg", {
                  contentType: "image/svg+xml",
                  bytes: svg
                })
                assert.strictEqual((yield* bytesOf(Attachment.get(withFile, "image.svg"))).toString(), svg)
                assert.strictEqual(
                  (yield* bytesOf(Attachment.get(Attachment.at(all, "a"), "image.svg"))).toString(),
                  svg
                )
                assert.strictEqual((yield* Attachment.info(withFile, "image.svg")).contentType, "image/svg+xml")
                yield* Document.delete(yield* Document.fetch(all, "doc-1"))
              })
            )
          })
      )
    }

    it.scoped(
      "defaults: a follower sees changes although nginx buffers a continuous feed",
      () =>
        Effect.gen(function*() {
          const all = yield* notes
          yield* through(
            "defaults",
            Effect.gen(function*() {
              yield* Document.create(all, "before", { n: 1, text: "a" })
              yield* Effect.fork(
                Effect.delay(through("open", Document.create(all, "after", { n: 1, text: "a" })), "4 seconds")
              )
              const ids = yield* Changes.follow(all.database, { heartbeat: "500 millis" }).pipe(
                Stream.filterMap((change) => change._tag === "DatabaseGone" ? Option.none() : Option.some(change.id)),
                Stream.takeUntil((id) => id === "after"),
                Stream.runCollect
              )
              assert.sameMembers(Chunk.toArray(ids), ["before", "after"])
            })
          )
        })
    )

    it.scoped("defaults: live replication transfers later writes", () =>
      Effect.gen(function*() {
        const [all, copies] = [yield* notes, yield* notes]
        yield* through(
          "defaults",
          Effect.gen(function*() {
            const couch = yield* CouchHttp.CouchHttp
            yield* Document.create(all, "before", { n: 1, text: "a" })
            yield* Effect.fork(
              Effect.delay(through("open", Document.create(all, "after", { n: 1, text: "a" })), "2 seconds")
            )
            yield* Replication.replicate(
              { couch, database: all.database },
              { couch, database: copies.database },
              { live: true, poll: "1 second" }
            ).pipe(
              Stream.takeUntil(({ statistics }) => statistics.documentsWritten === 2),
              Stream.runDrain
            )
            assert.isTrue(yield* Document.exists(copies, "after"))
          })
        )
      }))

    it.scoped(
      "client_max_body_size 1m: bulk writes of 4 MB arrive in smaller requests, each edit once",
      () =>
        Effect.gen(function*() {
          const all = yield* notes
          yield* through(
            "small",
            Effect.gen(function*() {
              const made = Arr.makeBy(400, (n) => Document.make(all, `doc-${n}`, { n: 0, text: text(10_000) }))
              const created = yield* Bulk.save(made, { bytes: 8_000_000, rows: 400 })
              assert.deepStrictEqual(created.filter(Either.isLeft).map(({ left }) => left.message), [])
              const edited = Arr.getRights(created).map(Document.modify((body) => ({ ...body, n: body.n + 1 })))
              assert.isTrue((yield* Bulk.save(edited, { bytes: 8_000_000, rows: 400 })).every(Either.isRight))
              const stored = Arr.getRights(yield* Bulk.fetch(all, made.map(({ id }) => id)))
              assert.lengthOf(stored, 400)
              assert.isTrue(stored.every(({ body }) => body.n === 1))
            })
          )
        })
    )

    it.scoped(
      "client_max_body_size 1m: a document that is too large names the proxy's limit",
      () =>
        Effect.gen(function*() {
          const all = yield* notes
          yield* through(
            "small",
            Effect.gen(function*() {
              const error = yield* Effect.flip(Document.create(all, "large", { n: 1, text: text(2_000_000) }))
              assert.isTrue(isForeign(error, 413), error.message)
              assert.include(error.message, "client_max_body_size")
              assert.isFalse(yield* Document.exists(all, "large"))
            })
          )
        })
    )

    it.scoped("proxy_read_timeout 5s: a follower and a long poll survive its timeouts", () =>
      Effect.gen(function*() {
        const all = yield* notes
        yield* through(
          "impatient",
          Effect.gen(function*() {
            yield* Document.create(all, "before", { n: 1, text: "a" })
            yield* Effect.fork(
              Effect.delay(through("open", Document.create(all, "after", { n: 1, text: "a" })), "12 seconds")
            )
            const ids = yield* Changes.follow(all.database, { heartbeat: "7 seconds" }).pipe(
              Stream.filterMap((change) => change._tag === "DatabaseGone" ? Option.none() : Option.some(change.id)),
              Stream.takeUntil((id) => id === "after"),
              Stream.runCollect
            )
            assert.deepStrictEqual(new Set(ids), new Set(["before", "after"]))
          })
        )
      }))

    it.scoped("a redirect to a login page fails every operation", () =>
      Effect.gen(function*() {
        const all = yield* notes
        yield* through("open", Document.create(all, "a", { n: 1, text: "a" }))
        yield* through(
          "login",
          Effect.gen(function*() {
            const name = all.database
            const failures = [
              yield* Effect.flip(Document.fetch(all, "a")),
              yield* Effect.flip(Document.fetchOption(all, "nothing")),
              yield* Effect.flip(Document.exists(all, "a")),
              yield* Effect.flip(Document.create(all, "b", { n: 1, text: "b" })),
              yield* Effect.flip(Document.update(all, "a", (body) => ({ ...body, n: 2 }))),
              yield* Effect.flip(Database.exists(name)),
              yield* Effect.flip(Database.ensure(name)),
              yield* Effect.flip(Database.delete(name)),
              yield* Effect.flip(Server.up),
              yield* Effect.flip(Stream.runDrain(View.stream(all, View.allDocs)))
            ]
            for (const error of failures) {
              assert.isTrue(isForeign(error, 302), error.message)
              assert.include(error.message, "redirected to")
            }
          })
        )
        const doc = yield* through("open", Document.fetch(all, "a"))
        assert.deepStrictEqual(doc.body, { n: 1, text: "a" })
      }))
  })
})
