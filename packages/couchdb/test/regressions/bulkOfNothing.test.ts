import { assert, describe, it } from "@effect/vitest"
import { Bulk, Collection, Conflict, Merge } from "effect-couchdb"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { interceptedClient, requests } from "../support/transport.js"

const Butterfly = Schema.Struct({ name: Schema.String })
const zoo = Collection.make("zoo", Butterfly)

describe("a bulk operation on an empty list", () => {
  it.effect("runs, gives an empty list and sends nothing", () =>
    Effect.gen(function*() {
      const on = yield* interceptedClient()
      const [results, sent] = yield* requests(
        on,
        Effect.all([
          Bulk.save([]),
          Bulk.save(Chunk.empty()),
          Bulk.delete([]),
          Bulk.fetch(zoo, []),
          Bulk.fetchRevisions(zoo, []),
          Bulk.insert("zoo", []),
          Bulk.save([]).pipe(Bulk.resolveWith(Conflict.merge(Merge.make(Butterfly)))),
          Bulk.delete([]).pipe(Bulk.resolveWith(Conflict.overwrite)),
          Stream.runCollect(Stream.empty.pipe(Bulk.saveStream(), Bulk.resolveStreamWith(Conflict.overwrite))),
          Stream.runCollect(Stream.empty.pipe(Bulk.deleteStream())),
          Stream.runCollect(Stream.empty.pipe(Bulk.fetchStream(zoo))),
          Stream.runCollect(Stream.empty.pipe(Bulk.insertStream("zoo")))
        ])
      ).pipe(Effect.provide(on.layer))
      for (const result of results) assert.lengthOf(Array.from<unknown>(result), 0)
      assert.lengthOf(sent, 0)
    }))
})
