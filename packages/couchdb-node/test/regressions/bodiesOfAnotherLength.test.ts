import { assert, describe, it } from "@effect/vitest"
import { CouchHttp } from "effect-couchdb"
import { NodeTransport } from "effect-couchdb-node"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { serve } from "../../../couchdb/test/contract/httpServer.js"
import { fetchTransport } from "../../../couchdb/test/contract/targets.js"

const streamed = (...chunks: ReadonlyArray<string>) =>
  Stream.map(Stream.fromIterable(chunks), (text) => new TextEncoder().encode(text))

const announced = (length: number, says: string) => `${length} bytes were announced, and its source has ${says}`

for (const [name, transport] of [["undici", NodeTransport.layer()], ["fetch", fetchTransport]] as const) {
  describe(`a body that streams over ${name}`, () => {
    const sending = (body: NonNullable<CouchHttp.CouchRequest["body"]>, headers: Readonly<Record<string, string>>) =>
      Effect.gen(function*() {
        let whole = 0
        const server = yield* serve((request, response) => {
          request.on("error", () => undefined)
          request.resume()
          request.on("end", () => {
            whole++
            response.end("{}")
          })
        })
        const failure = yield* Effect.flatMap(
          CouchHttp.CouchHttp,
          (couch) => couch.execute({ method: "PUT", path: "/zoo/x", route: "/{db}/{docid}", body, headers })
        ).pipe(
          Effect.match({ onFailure: (error) => error, onSuccess: () => undefined }),
          Effect.provide(CouchHttp.layer({ url: server.url })),
          Effect.provide(transport)
        )
        return { failure, whole }
      })

    for (
      const [problem, chunks, says] of [
        ["fewer bytes than its headers announce", ["hel"], announced(5, "3")],
        ["more bytes than its headers announce", ["hello more"], announced(5, "more (10 so far)")],
        ["more bytes than its headers announce, in a second chunk", ["hello", "more"], announced(5, "more (9 so far)")]
      ] as const
    ) {
      it.scopedLive(`${problem} is an incomplete request`, () =>
        Effect.gen(function*() {
          const { failure, whole } = yield* sending(streamed(...chunks), { "content-length": "5" })
          assert.include(failure, { _tag: "TransportError", reason: "RequestBody", description: says })
          assert.strictEqual(whole, 0)
        }))
    }

    it.scopedLive("is sent if it has as many bytes as its headers announce", () =>
      Effect.gen(function*() {
        const { failure, whole } = yield* sending(streamed("he", "llo"), { "content-length": "5" })
        assert.isUndefined(failure)
        assert.strictEqual(whole, 1)
      }))

    it.scopedLive("is an incomplete request if its source fails, and the error names the cause", () =>
      Effect.gen(function*() {
        const sources = [
          Stream.concat(streamed("hel"), Stream.die(new Error("the file is gone"))),
          Stream.concat(streamed("hello"), Stream.dieMessage("the file is gone"))
        ]
        for (const source of sources) {
          const { failure, whole } = yield* sending(source, {})
          assert.include(failure, { _tag: "TransportError", reason: "RequestBody", description: "the file is gone" })
          assert.strictEqual(whole, 0)
        }
      }))
  })
}
