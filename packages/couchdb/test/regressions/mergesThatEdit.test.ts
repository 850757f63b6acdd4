import { assert, describe, it } from "@effect/vitest"
import {
  Bulk,
  Collection,
  Conflict,
  CouchHttp,
  Database,
  Document,
  Lineage,
  Merge,
  SiblingPolicy
} from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { raw, stored } from "../contract/suite.js"
import { interceptedClient } from "../support/transport.js"

const Tags = Schema.mutable(Schema.Array(Schema.String))
const Card = Schema.Struct({ name: Schema.String, tags: Tags })
type Card = typeof Card.Type

const onLine = <A, E>(test: Effect.Effect<A, E, CouchHttp.CouchHttp>) =>
  Effect.gen(function*() {
    const on = yield* interceptedClient()
    return yield* Effect.zipRight(Database.create("zoo"), test).pipe(Effect.provide(on.layer))
  })

const tagsOf = (id: string) =>
  Effect.map(stored("zoo", id), (text) => (JSON.parse(text) as { readonly tags: ReadonlyArray<string> }).tags)

/** Changes all its arguments in place, except for the one that it returns. */
const spoiling = (gives: (versions: Merge.Versions<Array<string>>) => Either.Either<Array<string>, string>) =>
  Merge.custom<Array<string>>((versions) => {
    const answer = gives(versions)
    for (const list of [versions.mine, versions.theirs, ...Option.toArray(versions.base)]) {
      if (!Either.isRight(answer) || answer.right !== list) list.push("spoiled")
    }
    return answer
  })

/** Adds what mine has more to theirs, in place. */
const intoTheirs = spoiling(({ mine, theirs }) => {
  for (const tag of mine) if (!theirs.includes(tag)) theirs.push(tag)
  return Either.right(theirs)
})

const intoMine = spoiling(({ mine, theirs }) => {
  for (const tag of theirs) if (!mine.includes(tag)) mine.push(tag)
  return Either.right(mine)
})

const givesUp = spoiling(() => Either.left("no"))

const mergeBy = (strategy: Merge.Strategy<Array<string>>) => Merge.make(Card, { tags: strategy })

const cards = Collection.make("zoo", Card)

/** A document with an edit, and another one stored since. */
const refused = Effect.gen(function*() {
  const doc = yield* Document.create(cards, "a", { name: "a", tags: ["x"] })
  yield* Document.update(cards, "a", (b) => ({ ...b, tags: ["x", "theirs"] }))
  return Document.modify(doc, (b) => ({ ...b, tags: [...b.tags, "mine"] }))
})

describe("a merge that edits what it is given", () => {
  for (
    const [name, strategy, tags] of [
      ["theirs", intoTheirs, ["x", "theirs", "mine"]],
      ["mine", intoMine, ["x", "mine", "theirs"]]
    ] as const
  ) {
    it.effect(`stores what it makes of ${name}`, () =>
      onLine(Effect.gen(function*() {
        const doc = yield* refused
        const saved = yield* Effect.catchTag(Document.save(doc), "ConflictError", Conflict.merge(mergeBy(strategy)))
        assert.deepStrictEqual(saved.body.tags, [...tags])
        assert.deepStrictEqual(yield* tagsOf("a"), tags)
        assert.isFalse(Document.isDirty(saved))
      })))

    it.effect(`stores what it makes of ${name} of many documents`, () =>
      onLine(Effect.gen(function*() {
        const doc = yield* refused
        const [row] = yield* Bulk.save([doc]).pipe(Bulk.resolveWith(Conflict.merge(mergeBy(strategy))))
        assert(row !== undefined && Either.isRight(row))
        assert.deepStrictEqual(yield* tagsOf("a"), tags)
      })))
  }

  it.effect("leaves what was refused as it was for the policy after it", () =>
    onLine(Effect.gen(function*() {
      const doc = yield* refused
      const policy = Conflict.merge(mergeBy(givesUp)).pipe(Conflict.orElse(Conflict.overwrite))
      yield* Effect.catchTag(Document.save(doc), "ConflictError", policy)
      assert.deepStrictEqual(yield* tagsOf("a"), ["x", "mine"])

      const other = Document.modify(Document.discard(doc), () => ({ name: "a", tags: ["x", "other"] }))
      const error = yield* Effect.flip(
        Effect.catchTag(Document.save(other), "ConflictError", Conflict.merge(mergeBy(givesUp)))
      )
      assert(error._tag === "OverlapError")
      assert.deepStrictEqual(error.conflict.attempted.body.tags, ["x", "other"])
      const base = Option.map(error.conflict.attempted.base, ({ body }) => body.tags)
      assert.deepStrictEqual(base, Option.some(["x"]))
    })))

  it.effect("is repeated with what the server had", () =>
    onLine(Effect.gen(function*() {
      const doc = yield* refused
      let rivals = 3
      const seen: Array<ReadonlyArray<string>> = []
      const strategy = spoiling(({ base, mine, theirs }) => {
        seen.push([...Option.getOrThrow(base)])
        return Either.right([...new Set([...theirs, ...mine])])
      })
      const couch = yield* CouchHttp.CouchHttp
      const meddled: CouchHttp.Service = {
        ...couch,
        writeDocument: (write) =>
          rivals-- <= 0 ? couch.writeDocument(write) : Effect.zipRight(
            Effect.orDie(
              Effect.provideService(
                Effect.flatMap(
                  Document.info(cards, "a"),
                  ({ rev }) => raw("PUT", `/zoo/a?rev=${rev}`, { name: "a", tags: ["x", `rival${rivals}`] })
                ),
                CouchHttp.CouchHttp,
                couch
              )
            ),
            couch.writeDocument(write)
          )
      }
      yield* Effect.catchTag(
        Document.save(doc),
        "ConflictError",
        Conflict.merge(mergeBy(strategy)).pipe(Conflict.retry(Schedule.recurs(5)))
      ).pipe(Effect.provideService(CouchHttp.CouchHttp, meddled))
      assert.deepStrictEqual((yield* tagsOf("a")).filter((tag) => tag === "spoiled"), [])
      assert.isAbove(seen.length, 1)
      for (const base of seen) assert.notInclude(base, "spoiled")
    })))

  it.effect("is re-applied to the current document", () =>
    onLine(Effect.gen(function*() {
      const doc = yield* refused
      yield* Effect.catchTag(
        Document.save(doc),
        "ConflictError",
        Conflict.reapply(cards, (theirs, mine) => {
          theirs.tags.push(...mine.tags.splice(1))
          return theirs
        })
      )
      assert.deepStrictEqual(yield* tagsOf("a"), ["x", "theirs", "mine"])
    })))
})

const leaf = (digit: string, tags: ReadonlyArray<string>, root: string) => ({
  _id: "a",
  name: "a",
  tags,
  other: { kept: 1.5 },
  _rev: `2-${digit.repeat(32)}`,
  _revisions: { start: 2, ids: [digit.repeat(32), root] }
})

/** A document with three siblings that come from one. */
const conflicted = Effect.gen(function*() {
  const { rev } = JSON.parse(
    String((yield* raw("PUT", "/zoo/a", { name: "a", tags: ["x"], other: { kept: 1.5 } })).body)
  ) as { readonly rev: string }
  const root = rev.slice(2)
  yield* raw("POST", "/zoo/_bulk_docs", {
    new_edits: false,
    docs: [leaf("c", ["x", "c"], root), leaf("b", ["x", "b"], root), leaf("a", ["x", "a"], root)]
  })
})

describe("a merge of siblings that edits what it is given", () => {
  for (
    const [name, strategy, tags] of [
      ["theirs", intoTheirs, ["x", "a", "b", "c"]],
      ["mine", intoMine, ["x", "a", "b", "c"]],
      [
        "neither",
        spoiling(({ mine, theirs }) => Either.right([...new Set([...mine, ...theirs])])),
        ["x", "a", "b", "c"]
      ]
    ] as const
  ) {
    for (const lineage of [false, true]) {
      it.effect(`stores what it makes of ${name}${lineage ? ", with lineage" : ""}`, () =>
        onLine(Effect.gen(function*() {
          yield* conflicted
          const collection = lineage
            ? Collection.make("zoo", Card, { lineage: Lineage.settings() })
            : cards
          const resolution = yield* Conflict.resolve(collection, "a", mergeBy(strategy))
          assert(resolution._tag === "Resolved", resolution._tag)
          const stored = yield* tagsOf("a")
          assert.sameMembers([...stored], [...tags])
          const doc = Option.getOrThrow(resolution.document)
          assert.deepStrictEqual([...doc.body.tags], [...stored])
          assert.isFalse(Document.isDirty(doc))
        })))
    }
  }

  for (const lineage of [false, true]) {
    it.effect(`reports what is stored if another sibling does not merge${lineage ? ", with lineage" : ""}`, () =>
      onLine(Effect.gen(function*() {
        yield* conflicted
        const collection = lineage ? Collection.make("zoo", Card, { lineage: Lineage.settings() }) : cards
        const strategy = spoiling(({ mine, theirs }) =>
          theirs.includes("a") || mine.includes("a")
            ? Either.left("not this one")
            : Either.right([...new Set([...mine, ...theirs])])
        )
        const resolution = yield* Conflict.resolve(collection, "a", mergeBy(strategy))
        assert(resolution._tag === "PartiallyResolved", resolution._tag)
        const doc = Option.getOrThrow(resolution.document)
        const rev = Option.getOrThrow(doc.rev)
        const { tags } = JSON.parse(String((yield* raw("GET", `/zoo/a?rev=${rev}`)).body)) as Card
        assert.deepStrictEqual([...doc.body.tags], [...tags])
        assert.sameMembers([...tags], ["x", "b", "c"])
        assert.isFalse(Document.isDirty(doc))
      })))
  }

  it.effect("leaves the versions as they are for the question after it", () =>
    onLine(Effect.gen(function*() {
      yield* conflicted
      const asked: Array<unknown> = []
      const policy = SiblingPolicy.merge(mergeBy(givesUp)).pipe(
        SiblingPolicy.onOverlap<Card, never, never>(({ base, mine, theirs }) => {
          asked.push([Option.getOrThrow(base).tags.slice(), mine.tags.slice(), theirs.tags.slice()])
          mine.tags.push("spoiled")
          return Effect.succeedNone
        }),
        SiblingPolicy.onOverlap<Card, never, never>(({ base, mine, theirs }) => {
          asked.push([Option.getOrThrow(base).tags.slice(), mine.tags.slice(), theirs.tags.slice()])
          theirs.tags.push("decided")
          return Effect.succeedSome(theirs)
        })
      )
      const resolution = yield* Conflict.resolve(cards, "a", policy)
      assert(resolution._tag === "Resolved", resolution._tag)
      const first = [["x"], ["x", "c"], ["x", "b"]]
      const second = [["x"], ["x", "b", "decided"], ["x", "a"]]
      assert.deepStrictEqual(asked, [first, first, second, second])
      assert.deepStrictEqual(yield* tagsOf("a"), ["x", "a", "decided"])
    })))
})
