import { assert, it } from "@effect/vitest"
import { Collection, CouchHttp, Database, Document, View } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { interceptedClient } from "../support/transport.js"

const Empty = Schema.Struct({})
const odd = (id: string) => Number(id) % 2 === 1

/** A collection in the rows of others: only odd ids are its own. */
const zoo = Collection.make("zoo", Empty, {
  id: { encode: (key: string) => key, decode: (id) => odd(id) ? Option.some(id) : Option.none() }
})

const all = ["1", "2", "3", "4", "5", "6", "7", "8", "9"]

it.effect("documents that are deleted between two pages, or within one, cause no gap", () =>
  Effect.forEach([false, true], (descending) =>
    Effect.gen(function*() {
      const on = yield* interceptedClient()
      yield* Effect.gen(function*() {
        yield* Database.create("zoo")
        yield* Effect.flatMap(CouchHttp.CouchHttp, (couch) =>
          couch.execute({
            method: "POST",
            path: "/zoo/_bulk_docs",
            route: "/{db}/_bulk_docs",
            body: JSON.stringify({ docs: all.map((_id) => ({ _id })) })
          }))
        const everything = Collection.make("zoo", Empty)
        const remove = (id: string) => Effect.flatMap(Document.fetch(everything, id), Document.delete)
        const seen: Array<string> = []
        yield* View.pages(zoo, View.allDocs, { pageSize: 1, descending }).pipe(
          Stream.runForEach(({ rows }) =>
            Effect.gen(function*() {
              const [row] = rows
              const id = row !== undefined && View.isRow(row) ? row.id : "!"
              seen.push(id)
              // What was shown, and what comes before the next page; the next page itself begins at a document that is gone.
              yield* remove(id)
              if (id === "5") yield* Effect.forEach(descending ? ["4", "3"] : ["6", "7"], remove)
            })
          )
        )
        assert.deepStrictEqual(seen, descending ? ["9", "7", "5", "1"] : ["1", "3", "5", "9"])
      }).pipe(Effect.provide(on.layer))
    })))
