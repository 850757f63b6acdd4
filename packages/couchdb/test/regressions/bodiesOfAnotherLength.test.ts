import { assert, describe, it } from "@effect/vitest"
import type { CouchHttp } from "effect-couchdb"
import { Attachment, Collection, Database, Document } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { interceptedClient } from "../support/transport.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))

const bytes = (text: string) => new TextEncoder().encode(text)

const streamed = (...chunks: ReadonlyArray<string>) => Stream.map(Stream.fromIterable(chunks), bytes)

interface Wrong {
  readonly file: Attachment.File
  readonly says: string
}

const of = (length: number, file: Attachment.File["bytes"], says: string): Wrong => ({
  file: { contentType: "text/plain", bytes: file, length },
  says: `attachment "wing.txt": ${says}`
})

const announced = (length: number, says: string) => `${length} bytes were announced, and its source has ${says}`

const wrong: { readonly [name: string]: Wrong } = {
  "fewer bytes": of(9, streamed("hello"), announced(9, "5")),
  "more bytes in one chunk": of(3, streamed("hello"), announced(3, "more (5 so far)")),
  "more bytes in a chunk after as many as announced": of(5, streamed("hello", "more"), announced(5, "more (9 so far)")),
  "no bytes": of(1, streamed(), announced(1, "0")),
  "bytes, though none were announced": of(0, streamed("a"), announced(0, "more (1 so far)")),
  "bytes at hand that are fewer": of(9, bytes("hello"), announced(9, "5")),
  "text of more bytes than characters": of(1, "ü", announced(1, "2")),
  "a length that is negative": of(-1, streamed("a"), "its length must be a non-negative integer, not -1"),
  "a length that is a fraction": of(1.5, streamed("a"), "its length must be a non-negative integer, not 1.5"),
  "a length that is not a number": of(Number.NaN, streamed("a"), "its length must be a non-negative integer, not NaN")
}

type Write = (
  doc: Document.Document<{ readonly n: number }>,
  file: Attachment.File
) => Effect.Effect<Document.Document<{ readonly n: number }>, unknown, CouchHttp.CouchHttp>

const writes: { readonly [name: string]: Write } = {
  save: (doc, file) => Attachment.save(doc, { "first.txt": { ...file, bytes: "first", length: 5 }, "wing.txt": file }),
  "save, inline": (doc, file) => Attachment.save(doc, { "wing.txt": file }, { inline: true }),
  put: (doc, file) => Attachment.put(doc, "wing.txt", file)
}

const ready = Effect.gen(function*() {
  const on = yield* interceptedClient()
  const doc = yield* Effect.zipRight(Database.create("zoo"), Document.create(zoo, "monarch", { n: 1 })).pipe(
    Effect.provide(on.layer)
  )
  return { ...on, doc }
})

describe("a file with a wrong length", () => {
  for (const [how, write] of Object.entries(writes)) {
    for (const [name, { file, says }] of Object.entries(wrong)) {
      it.effect(`${how}: ${name}`, () =>
        Effect.gen(function*() {
          const { sent, doc, layer } = yield* ready
          const before = (yield* Ref.get(sent)).length
          const error = yield* Effect.flip(write(doc, file)).pipe(Effect.provide(layer))
          assert.include(error, { _tag: "TransportError", reason: "RequestBody", description: says })
          assert.match(String(error), / http:\/\/\S+\/zoo\/monarch/)
          assert.isAtMost((yield* Ref.get(sent)).length - before, 1)
          const stored = yield* Document.fetch(zoo, "monarch").pipe(Effect.provide(layer))
          assert.deepStrictEqual(stored.rev, doc.rev)
          assert.deepStrictEqual(Object.keys(stored.attachments), [])
        }))
    }
  }

  it.effect("a file with the right length is stored, chunk by chunk, with empty chunks, and from memory", () =>
    Effect.gen(function*() {
      const { doc, layer } = yield* ready
      const files: ReadonlyArray<Attachment.File> = [
        { contentType: "text/plain", bytes: streamed("", "he", "", "llo", "", ""), length: 5 },
        { contentType: "text/plain", bytes: streamed(), length: 0 },
        { contentType: "text/plain", bytes: streamed("", ""), length: 0 },
        { contentType: "text/plain", bytes: "ü", length: 2 }
      ]
      for (const write of Object.values(writes)) {
        for (const file of files) {
          const written = yield* Effect.flatMap(Document.fetch(zoo, doc.id), (doc) => write(doc, file)).pipe(
            Effect.provide(layer)
          )
          assert.strictEqual(written.attachments["wing.txt"]?.length, file.length)
        }
      }
    }))
})
