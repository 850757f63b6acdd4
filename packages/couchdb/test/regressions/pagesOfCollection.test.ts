import { assert, it } from "@effect/vitest"
import { Collection, CouchHttp, Database, View } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { runs } from "../support/deep.js"

const emissions = View.make({ design: "zoo", view: "emissions" })

interface Emission {
  readonly key: string | number
  readonly to?: string
}

/** A CouchDB whose view emits what a document lists. */
const engine = CouchHttp.layer({ url: "http://embedded" }).pipe(
  Layer.provide(EmbeddedCouch.layer({
    functions: {
      zoo: {
        views: {
          emissions: {
            map: (doc, emit) => {
              for (const { key, to } of (doc["emissions"] ?? []) as ReadonlyArray<Emission>) {
                emit(key, to === undefined ? 1 : { _id: to })
              }
            }
          }
        }
      }
    }
  }))
)

const send = (method: "PUT" | "POST", path: string, body: unknown) =>
  Effect.flatMap(
    CouchHttp.CouchHttp,
    (couch) => couch.execute({ method, path, route: path, body: JSON.stringify(body) })
  )

const collected = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.map(Stream.runCollect(stream), (chunk) => Chunk.toReadonlyArray(chunk))

const isOwn = (id: string) => /^b:[a-z]$/.test(id)
const own = { encode: (key: string) => key, decode: (id: string) => isOwn(id) ? Option.some(id) : Option.none() }

const codecs: ReadonlyArray<readonly [Collection.IdCodec<string>, (id: string) => boolean]> = [
  [own, isOwn],
  [{ ...own, range: { prefix: "b" } }, isOwn],
  [Collection.prefixed("b:"), (id) => id.startsWith("b:")]
]

const id = FastCheck.constantFrom("a:1", "a:2", "b", "b:", "b:a", "b:b", "b:1", "b:z", "b:é", "b;", "c", "C", "Z")
const emission = FastCheck.record({
  key: FastCheck.constantFrom<string | number>(1, 2, "a", "a\u00ad"),
  to: FastCheck.option(FastCheck.constantFrom("b:a", "b:z", "a:1", "nobody"), { nil: undefined })
}, { requiredKeys: ["key"] })

/** What a row brings. */
const documentOf = (row: View.Row<unknown, unknown, unknown>): string => {
  const value = row.value as { readonly _id?: unknown } | null
  return typeof value === "object" && typeof value?._id === "string" ? value._id : row.id
}

const places = (rows: ReadonlyArray<View.Row<unknown, unknown, unknown> | View.Refused>) =>
  rows.filter(View.isRow).map((row) => [row.id, row.key, row.value])

it.effect.prop(
  "what a collection lists is what it has of the whole list, however it is divided",
  {
    documents: FastCheck.uniqueArray(
      FastCheck.tuple(id, FastCheck.array(emission, { maxLength: 4 })),
      { selector: ([id]) => id, maxLength: 12 }
    ),
    pageSize: FastCheck.integer({ min: 1, max: 5 }),
    descending: FastCheck.boolean(),
    skip: FastCheck.integer({ min: 0, max: 4 }),
    limit: FastCheck.option(FastCheck.integer({ min: 0, max: 9 }), { nil: undefined }),
    range: FastCheck.constantFrom<View.Options<string>>(
      {},
      { startKey: "b" },
      { startKey: "b:b" },
      { endKey: "b:b", inclusiveEnd: false },
      { startKey: "_design/", endKey: "c" },
      { startKey: "b:é", endKey: "b:b" }
    )
  },
  ({ descending, documents, limit, pageSize, range, skip }) =>
    Effect.gen(function*() {
      yield* Database.create("zoo")
      yield* send("PUT", "/zoo/_design/zoo", { views: { emissions: { map: "function (doc) {}" } } })
      yield* send("POST", "/zoo/_bulk_docs", { docs: documents.map(([_id, emissions]) => ({ _id, emissions })) })
      const part = <A>(all: ReadonlyArray<A>) => all.slice(skip, limit === undefined ? undefined : skip + limit)
      for (const [codec, has] of codecs) {
        const zoo = Collection.make("zoo", Schema.Struct({}), { id: codec })
        const check = <K, V>(view: View.View<K, V>, options: View.Options<K>) =>
          Effect.gen(function*() {
            const whole = yield* View.fetch("zoo", view, { ...options, descending, includeDocs: true } as never)
            const expected = part(
              whole.rows.filter((row): row is View.Row<K, V, never> => View.isRow(row) && has(documentOf(row)))
            )
            const asked = { ...options, descending, skip, limit } as never
            assert.deepStrictEqual(places((yield* View.fetch(zoo, view, asked)).rows), places(expected))
            assert.deepStrictEqual(places(yield* collected(View.stream(zoo, view, asked))), places(expected))
            const pages = yield* collected(
              Stream.take(View.pages(zoo, view, { ...asked as object, pageSize } as never), expected.length + 2)
            )
            assert.deepStrictEqual(places(pages.flatMap(({ rows }) => rows)), places(expected))
            assert.strictEqual(pages.length, Math.max(1, Math.ceil(expected.length / pageSize)))
          })
        yield* check(View.allDocs, range)
        yield* check(emissions, {})
      }
    }).pipe(Effect.provide(engine)),
  runs(10, 200)
)
