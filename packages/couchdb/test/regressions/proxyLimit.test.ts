import { assert, it } from "@effect/vitest"
import { Attachment, Bulk, Collection, Database, Document, type Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { interceptedClient, makeResponse } from "../support/transport.js"

const notes = Collection.make("zoo", Schema.Struct({ text: Schema.String }))

const limit = 2_000

const sizeOf = ({ body }: Transport.TransportRequest): number =>
  typeof body === "string" || body instanceof Uint8Array ? body.length : 0

/** A proxy that refuses larger bodies, in front of an embedded CouchDB. */
const behindProxy = interceptedClient((request, _, pass) =>
  sizeOf(request) > limit
    ? Effect.succeed(
      makeResponse(413, "<html>413 Request Entity Too Large</html>", {
        "content-type": "text/html",
        server: "nginx/1.25.3"
      })
    )
    : pass(request)
)

const refused = (request: string): string =>
  `${request}: something other than CouchDB answered (413, text/html, Server: nginx/1.25.3): the response is not ` +
  "CouchDB's JSON (41 characters). The request is larger than the limit of a proxy: raise it (nginx: " +
  "client_max_body_size)."

it.effect("the limit of a proxy is not taken for CouchDB's, and the request is sent once", () =>
  Effect.gen(function*() {
    const { sent, layer } = yield* behindProxy
    yield* Effect.gen(function*() {
      yield* Database.create("zoo")
      const before = (yield* Ref.get(sent)).length
      const error = yield* Effect.flip(Document.create(notes, "x", { text: "x".repeat(3_000) }))
      assert.strictEqual(error.message, refused("PUT http://embedded/zoo/x"))
      const writes = (yield* Ref.get(sent)).slice(before).filter(({ method }) => method === "PUT")
      assert.lengthOf(writes, 1)
      const small = yield* Document.create(notes, "small", { text: "x" })
      const file = yield* Effect.flip(
        Attachment.put(small, "a.bin", { bytes: new Uint8Array(3_000), contentType: "application/octet-stream" })
      )
      assert.match(file.message, /^PUT http:\/\/embedded\/zoo\/small\/a\.bin\?rev=1-.*larger than the limit of a proxy/)
    }).pipe(Effect.provide(layer))
  }))

it.effect("a bulk request that is too large for a proxy is split, and a document that is too large fails alone", () =>
  Effect.gen(function*() {
    const { layer } = yield* behindProxy
    yield* Effect.gen(function*() {
      yield* Database.create("zoo")
      const sizes = [300, 300, 3_000, 300, 300, 300, 300, 300, 300, 300]
      const results = yield* Bulk.save(
        sizes.map((size, i) => Document.make(notes, `n${i}`, { text: "x".repeat(size) }))
      )
      const failures = results.flatMap((result, i) => Either.isLeft(result) ? [[i, result.left] as const] : [])
      assert.deepStrictEqual(failures.map(([i, error]) => [i, error.message]), [
        [2, refused("POST http://embedded/zoo/_bulk_docs for \"n2\"")]
      ])
      assert.strictEqual((yield* Database.info("zoo")).documents, 9)
    }).pipe(Effect.provide(layer))
  }))
