import { assert, describe, it } from "@effect/vitest"
import { Batching, Collection, Conflict, type CouchHttp, Database, Document, Edit } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { raw, stored } from "../contract/suite.js"
import { interceptedClient } from "../support/transport.js"

class Card extends Schema.Class<Card>("Card")({ tags: Schema.mutable(Schema.Array(Schema.String)) }) {
  #count = 0
  seen(): number {
    return ++this.#count
  }
}

const plain = Collection.make("zoo", Schema.Struct({ tags: Schema.mutable(Schema.Array(Schema.String)) }))
const collections = {
  "a struct": plain,
  "anything": Collection.make("zoo", Schema.Struct({ tags: Schema.Any })) as never as typeof plain,
  "a class": Collection.make("zoo", Card) as never as typeof plain
}

const layers = {
  "one after the other": (couch: Layer.Layer<CouchHttp.CouchHttp>) => couch,
  "made together": (couch: Layer.Layer<CouchHttp.CouchHttp>) => Batching.layer().pipe(Layer.provide(couch))
}

const push = (tag: string) => <B extends { readonly tags: Array<string> }>(body: B): B => {
  body.tags.push(tag)
  return body
}

const tags = Effect.map(
  stored("zoo", "a"),
  (text) => (JSON.parse(text) as { readonly tags: ReadonlyArray<string> }).tags
)

/** Keeps both lists, whatever becomes of one of them. */
const apart = (docs: ReadonlyArray<Document.Document<{ readonly tags: Array<string> }>>) => {
  docs.forEach(({ body }, i) => {
    body.tags.push(`own${i}`)
    docs.forEach((other, j) => assert.strictEqual(other.body.tags.includes(`own${i}`), i === j))
  })
  for (const doc of docs) assert.isTrue(Document.isDirty(doc))
}

describe("bodies that are edited in place", () => {
  for (const [how, layer] of Object.entries(layers)) {
    for (const [what, things] of Object.entries(collections)) {
      const scene = <A, E>(test: Effect.Effect<A, E, CouchHttp.CouchHttp>) =>
        Effect.gen(function*() {
          const on = yield* interceptedClient()
          return yield* Database.create("zoo").pipe(
            Effect.zipRight(raw("PUT", "/zoo/a", { tags: ["x"], other: { kept: [1] } })),
            Effect.zipRight(test),
            Effect.provide(layer(on.layer))
          )
        })

      it.effect(`belong to one fiber each: ${what}, ${how}`, () =>
        scene(Effect.gen(function*() {
          const names = ["1", "2", "3", "4"]
          const saved = yield* Effect.forEach(names, (name) => Document.update(things, "a", push(name)), {
            concurrency: "unbounded"
          })
          assert.deepStrictEqual(yield* tags, ["x", ...names])
          apart(saved)
          assert.deepStrictEqual(yield* tags, ["x", ...names])
          apart(yield* Effect.replicateEffect(Document.fetch(things, "a"), 3))
          apart(yield* Effect.all([Document.fetch(things, "a"), Document.fetch(things, "a")], { concurrency: 2 }))
        })))

      it.effect(`keep nothing of an edit that fails half way: ${what}, ${how}`, () =>
        scene(Effect.gen(function*() {
          const half = (tag: string) =>
            Document.update(things, "a", (body) => {
              push(tag)(body)
              throw new Error("half way")
            })
          const unfit = Document.update(things, "a", (body) => {
            ;(body.tags as Array<unknown>).push(Number.NaN)
            return body
          })
          const exits = yield* Effect.all(
            [
              half("a"),
              half("b"),
              Document.update(things, "a", push("1")),
              half("c"),
              unfit,
              Document.update(things, "a", (body) => ({ ...body, tags: [...body.tags, "2"] })),
              half("d"),
              Document.upsert(things, "a", (body) => push("3")(Option.getOrThrow(body))),
              half("e")
            ].map(Effect.exit),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(exits.map(Exit.isSuccess), [
            false,
            false,
            true,
            false,
            false,
            true,
            false,
            true,
            false
          ])
          assert.deepStrictEqual(yield* tags, ["x", "1", "2", "3"])
        })))

      it.effect(`keep nothing of a creation's edit that fails half way: ${what}, ${how}`, () =>
        scene(Effect.gen(function*() {
          const upsert = (tag: string, fails: boolean) =>
            Effect.exit(Document.upsert(things, "new", (found) => {
              const body = push(tag)(Option.getOrElse(found, () => new Card({ tags: [] })))
              if (fails) throw new Error("half way")
              return body
            }))
          yield* Effect.all([upsert("a", true), upsert("1", false), upsert("b", true), upsert("2", false)], {
            concurrency: "unbounded"
          })
          assert.deepStrictEqual((yield* Document.fetch(things, "new")).body.tags, ["1", "2"])
        })))

      it.effect(`are edited on what a rival wrote: ${what}, ${how}`, () =>
        scene(Effect.gen(function*() {
          let rivals = 2
          const edit = (tag: string) =>
            Document.updateEffect(things, "a", (body) =>
              Effect.gen(function*() {
                if (rivals-- > 0) {
                  yield* raw("PUT", `/zoo/a?rev=${(yield* Document.info(things, "a")).rev}`, {
                    tags: [`rival${rivals}`]
                  })
                }
                return Edit.change(push(tag)(body))
              }), { schedule: Schedule.recurs(5) })
          yield* edit("1")
          assert.deepStrictEqual(yield* tags, ["rival0", "1"])
        })))

      it.effect(`are not those of a copy or of a sibling: ${what}, ${how}`, () =>
        scene(Effect.gen(function*() {
          const doc = yield* Document.fetch(things, "a")
          const copy = yield* Document.copy(doc, "b")
          apart([doc, copy])
          yield* Document.save(copy)
          assert.deepStrictEqual((yield* Document.fetch(things, "b")).body.tags, ["x", "own1"])
          assert.deepStrictEqual(yield* tags, ["x"])
          yield* Document.update(things, "a", push("1"))
          const sibling = yield* Effect.catchTag(Document.save(doc), "ConflictError", Conflict.fork)
          assert.isFalse(Document.isDirty(sibling))
          push("2")(sibling.body)
          assert.isTrue(Document.isDirty(sibling))
          const both = yield* Document.save(sibling)
          assert.deepStrictEqual(both.body.tags, ["x", "own0", "2"])
          assert.deepStrictEqual((yield* raw("GET", `/zoo/a?rev=${yield* Document.revision(both)}`)).status, 200)
        })))
    }
  }

  it.effect("cross to another process with what the server had", () =>
    Effect.gen(function*() {
      const on = yield* interceptedClient()
      yield* Effect.gen(function*() {
        yield* Database.create("zoo")
        const doc = yield* Document.create(plain, "a", { tags: ["x"] })
        push("y")(doc.body)
        const crossed = yield* Schema.encode(Document.schema(plain))(doc).pipe(
          Effect.flatMap(Schema.decode(Document.schema(plain)))
        )
        assert.isTrue(Document.isDirty(crossed))
        push("z")(crossed.body)
        yield* Document.save(crossed)
        assert.deepStrictEqual(yield* tags, ["x", "y", "z"])
        assert.deepStrictEqual(Document.discard(crossed).body, { tags: ["x"] })
        assert.isTrue(Either.isLeft(yield* Effect.either(Document.save(doc))))
      }).pipe(Effect.provide(on.layer))
    }))

  it.effect("leave what a base says, whatever is done to what it hands out", () =>
    Effect.gen(function*() {
      const on = yield* interceptedClient()
      yield* Effect.gen(function*() {
        yield* Database.create("zoo")
        yield* raw("PUT", "/zoo/a", `{"tags":["x"],"other":{"list":[1.0,2]}}`)
        const doc = yield* Document.fetch(plain, "a")
        const base = Option.getOrThrow(doc.base)
        ;(base.raw as { other: { list: Array<number> } }).other.list.push(3)
        push("y")(base.body)
        assert.isTrue(Document.isDirty(doc))
        yield* Document.save(Document.modify(Document.discard(doc), push("z")))
        assert.include(yield* stored("zoo", "a"), `"tags":["x","z"],"other":{"list":[1.0,2]}`)
      }).pipe(Effect.provide(on.layer))
    }))
})
