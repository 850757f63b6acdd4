import { Bulk, Collection, Conflict, type CouchHttp, Document, Merge } from "effect-couchdb"
import * as Chunk from "effect/Chunk"
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe, expect, test } from "tstyche"

const Butterfly = Schema.Struct({ name: Schema.String, seen: Schema.Number })
type Butterfly = typeof Butterfly.Type
const zoo = Collection.make("zoo", Butterfly)
const doc = Document.make(zoo, "monarch", { name: "Monarch", seen: 1 })

describe("a list without documents", () => {
  test("is written with nothing but the server", () => {
    for (const effect of [Bulk.save([]), Bulk.save(Chunk.empty()), Bulk.save([], { rows: 1 })]) {
      expect<Effect.Effect.Context<typeof effect>>().type.toBe<CouchHttp.CouchHttp>()
      expect<Effect.Effect.Error<typeof effect>>().type.toBe<never>()
    }
    for (const effect of [Bulk.delete([]), Bulk.delete(Chunk.empty())]) {
      expect<Effect.Effect.Context<typeof effect>>().type.toBe<CouchHttp.CouchHttp>()
    }
    for (const stream of [Bulk.saveStream()(Stream.empty), Stream.empty.pipe(Bulk.deleteStream())]) {
      expect<Stream.Stream.Context<typeof stream>>().type.toBe<CouchHttp.CouchHttp>()
      expect<Stream.Stream.Error<typeof stream>>().type.toBe<never>()
    }
    for (const effect of [Bulk.fetch(zoo, []), Bulk.fetchRevisions(zoo, [])]) {
      expect<Effect.Effect.Context<typeof effect>>().type.toBe<CouchHttp.CouchHttp>()
    }
    for (const stream of [Stream.empty.pipe(Bulk.fetchStream(zoo)), Stream.empty.pipe(Bulk.insertStream("zoo"))]) {
      expect<Stream.Stream.Context<typeof stream>>().type.toBe<CouchHttp.CouchHttp>()
    }
    const inserted = Bulk.insert("zoo", [])
    expect<Effect.Effect.Context<typeof inserted>>().type.toBe<CouchHttp.CouchHttp>()
  })

  test("is settled by any policy", () => {
    const merging = Bulk.save([]).pipe(Bulk.resolveWith(Conflict.merge(Merge.make(Butterfly))))
    expect<Effect.Effect.Context<typeof merging>>().type.toBe<CouchHttp.CouchHttp>()
    const overwriting = Bulk.delete([]).pipe(Bulk.resolveWith(Conflict.overwrite))
    expect<Effect.Effect.Context<typeof overwriting>>().type.toBe<CouchHttp.CouchHttp>()
    const streamed = Stream.empty.pipe(Bulk.saveStream(), Bulk.resolveStreamWith(Conflict.overwrite))
    expect<Stream.Stream.Context<typeof streamed>>().type.toBe<CouchHttp.CouchHttp>()
  })
})

describe("a list with documents", () => {
  test("keeps their types", () => {
    const effect = Bulk.save([doc])
    expect<Effect.Effect.Success<typeof effect>>().type.toBe<
      ReadonlyArray<Either.Either<Document.Document<Butterfly>, Bulk.SaveError<Butterfly>>>
    >()
    const some: ReadonlyArray<Document.Document<Butterfly, "service">> = []
    const needing = Bulk.save(some)
    expect<Effect.Effect.Context<typeof needing>>().type.toBe<CouchHttp.CouchHttp | "service">()
    expect(Bulk.save([doc]).pipe).type.not.toBeCallableWith(
      Bulk.resolveWith(Conflict.merge(Merge.make(Schema.Struct({ other: Schema.String }))))
    )
  })
})
