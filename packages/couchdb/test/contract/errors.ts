import { assert } from "@effect/vitest"
import { Auth, Bulk, Collection, CouchHttp, Database, Document } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { butterflies, type Contract, database, raw } from "./suite.js"

export const errors: Contract = (it) => {
  it.scoped("401: wrong credentials, and none", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const wrong = Auth.basic(`nobody-${globalThis.crypto.randomUUID()}`, Redacted.make("a secret word"))
      const error = yield* Effect.flip(CouchHttp.withAuth(Document.fetch(zoo, "x"), wrong))
      assert.strictEqual(error._tag, "UnauthorizedError")
      assert.notInclude(error.message + JSON.stringify(error), "a secret word")
      const anonymous = yield* Effect.flip(CouchHttp.withAuth(Document.fetch(zoo, "x"), Auth.none))
      assert.strictEqual(anonymous._tag, "UnauthorizedError")
    }))

  it.scoped("403 carries the reason that a validation function gave", () =>
    Effect.gen(function*() {
      const users = Collection.make("_users", Schema.Struct({ type: Schema.String }))
      const id = `org.couchdb.user:${globalThis.crypto.randomUUID()}`
      const error = yield* Effect.flip(Document.create(users, id, { type: "not a user" }))
      assert.strictEqual(error._tag === "ForbiddenError" && error.reason, "doc.type must be user")
    }))

  it.scoped("404: a database that is not there is no missing document", () =>
    Effect.gen(function*() {
      const nowhere = Collection.make(`gone-${globalThis.crypto.randomUUID()}`, Schema.Struct({}))
      const error = yield* Effect.flip(Document.fetchOption(nowhere, "x"))
      assert.strictEqual(error._tag === "NotFoundError" && error.reason, "Database does not exist.")
      assert.strictEqual((yield* Effect.flip(Document.create(nowhere, "x", {})))._tag, "NotFoundError")
      assert.isFalse(yield* Database.exists(nowhere.database))
    }))

  it.scoped("the longest request line that is read is sent, and a longer one is refused before it is", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const body = { name: "Monarch", seen: 1 }
      const longest = 8_192 - `PUT /${zoo.database}/ HTTP/1.1\r\n`.length
      const doc = yield* Document.create(zoo, "x".repeat(longest), body)
      assert.deepStrictEqual((yield* Document.fetch(zoo, doc.id)).body, body)
      const error = yield* Effect.flip(Document.create(zoo, "x".repeat(longest + 1), body))
      assert.strictEqual(error._tag === "TransportError" && error.reason, "LongLine")
      const [row] = yield* Bulk.save([Document.make(zoo, "x".repeat(longest + 1), body)])
      assert.isTrue(row !== undefined && Either.isRight(row))
      const short = yield* Document.create(zoo, "short", body)
      const copied = yield* Document.copy(short, "c".repeat(8_191 - "destination: \r\n".length))
      assert.strictEqual(copied.id.length, 8_176)
      const long = yield* Effect.flip(Document.copy(short, "c".repeat(8_177)))
      assert.strictEqual(long._tag === "TransportError" && long.reason, "LongLine")
    }))

  it.scoped("412: the database is there already", () =>
    Effect.gen(function*() {
      const name = yield* database
      const error = yield* Effect.flip(Database.create(name))
      assert.strictEqual(error._tag === "PreconditionFailedError" && error.error, "file_exists")
      assert.isFalse(yield* Database.ensure(name))
    }))

  it.scoped("413: the document is too large", () =>
    Effect.gen(function*() {
      const large = Collection.make(yield* database, Schema.Struct({ text: Schema.String }))
      const error = yield* Effect.flip(Document.create(large, "x", { text: "x".repeat(9_000_000) }))
      assert.strictEqual(error._tag, "PayloadTooLargeError")
    }))

  it.scoped("415: a content type that is not JSON", () =>
    Effect.gen(function*() {
      const name = yield* database
      const couch = yield* CouchHttp.CouchHttp
      const error = yield* Effect.flip(couch.execute({
        method: "POST",
        path: `/${name}`,
        route: "/{db}",
        headers: { "content-type": "text/plain" },
        body: "{}"
      }))
      assert.strictEqual(error._tag, "UnsupportedMediaTypeError")
    }))

  it.scoped("400 and 405 are the request's own fault", () =>
    Effect.gen(function*() {
      const name = yield* database
      assert.strictEqual((yield* Effect.flip(raw("PUT", `/${name}/x`, "{broken")))._tag, "BadRequestError")
      const method = yield* Effect.flip(raw("PUT", "/_all_dbs", "{}"))
      assert.strictEqual(method._tag, "BadRequestError")
      assert.strictEqual(method._tag === "BadRequestError" && method.status, 405)
    }))

  it.scoped("412: a stub of an attachment that the server does not have", () =>
    Effect.gen(function*() {
      const name = yield* database
      const error = yield* Effect.flip(
        raw("PUT", `/${name}/x`, { _attachments: { "a.txt": { stub: true, content_type: "text/plain" } } })
      )
      assert.strictEqual(error._tag, "MissingStubError")
    }))

  it.scoped("a body that JSON cannot say is an EncodeError, and nothing is written", () =>
    Effect.gen(function*() {
      const name = yield* database
      const numbers = Collection.make(name, Schema.Struct({ n: Schema.Number }))
      const anything = Collection.make(name, Schema.Record({ key: Schema.String, value: Schema.Unknown }))
      const cycle: Record<string, unknown> = {}
      cycle["self"] = cycle
      const failures = yield* Effect.all([
        Effect.flip(Document.create(numbers, "x", { n: NaN })),
        Effect.flip(Document.create(numbers, "x", { n: Infinity })),
        Effect.flip(Document.create(anything, "x", { text: "half \ud800" })),
        Effect.flip(Document.create(anything, "x", { ["half \udc00"]: 1 })),
        Effect.flip(Document.create(anything, "x", { cycle })),
        Effect.flip(Document.create(anything, "x", { f: () => 1 })),
        Effect.flip(Document.create(anything, "x", { _id: "y" })),
        Effect.flip(Document.create(anything, "x", { _x: 1 })),
        Effect.flip(Document.create(anything, "x", { map: new Date() }))
      ])
      for (const error of failures) assert.strictEqual(error._tag, "EncodeError", error.message)
      assert.isFalse(yield* Document.exists(anything, "x"))
    }))
}
