import { assert, it } from "@effect/vitest"
import { Collection, CouchHttp, Document, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { makeResponse, transport } from "../support/transport.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))

const refusing = (body: string, status = 400) =>
  CouchHttp.layer({ url: "http://couch.example", retry: "none" }).pipe(
    Layer.provide(Layer.succeed(
      Transport.Transport,
      transport(() => Effect.succeed(makeResponse(status, body, { "content-type": "text/html", server: "proxy" })))
    ))
  )

const create = Effect.flip(Document.create(zoo, "monarch", { n: 1 }))

it.effect("a proxy that refuses plain HTTP on its TLS port is reported as such, and nothing was carried out", () =>
  Effect.forEach([
    "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>",
    "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
    "Client sent an HTTP request to an HTTPS server.\n"
  ], (body) =>
    Effect.gen(function*() {
      const read = Effect.flip(Document.fetch(zoo, "monarch"))
      for (const error of yield* Effect.provide(Effect.all([create, read]), refusing(body))) {
        assert.strictEqual(error._tag, "UnexpectedResponseError")
        assert.match(
          error.message,
          /: the port speaks TLS\. Use https:\/\/ in the URL\. The request was not carried out\.$/
        )
      }
    })))

it.effect("the same text with another status, and another 400, may have been carried out", () =>
  Effect.forEach([
    refusing("The plain HTTP request was sent to HTTPS port", 502),
    refusing("<html><title>400 Bad Request</title></html>")
  ], (layer) =>
    Effect.gen(function*() {
      const error = yield* Effect.provide(create, layer)
      assert.strictEqual(error._tag, "UnexpectedResponseError")
      assert.match(error.message, /The request may have been carried out: read before you repeat it\.$/)
    })))
