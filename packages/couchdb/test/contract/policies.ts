import { assert } from "@effect/vitest"
import { Collection, Conflict, Document, Merge, Revision } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { type Contract, database, raw, stored } from "./suite.js"

const Card = Schema.Struct({
  name: Schema.String,
  seen: Schema.Number.pipe(Merge.annotate(Merge.counter)),
  tags: Schema.Array(Schema.String).pipe(Merge.annotate(Merge.set))
})
type Card = typeof Card.Type

const merging = Conflict.merge(Merge.make(Card))

/** Two people who read one card; the second edit of theirs is written first. */
const scene = (theirs: (card: Card) => Card, mine: (card: Card) => Card) =>
  Effect.gen(function*() {
    const cards = Collection.make(yield* database, Card)
    const read = yield* Document.create(cards, "card", { name: "old", seen: 10, tags: ["a", "b"] })
    yield* Document.save(Document.modify(read, theirs))
    return { cards, read, refused: Document.modify(read, mine) }
  })

const bump = (by: number) => (card: Card): Card => ({ ...card, seen: card.seen + by })

export const policies: Contract = (it) => {
  it.scoped("merge keeps both edits, and what it writes is the merge of three versions", () =>
    Effect.gen(function*() {
      const { cards, refused } = yield* scene(
        (card) => ({ ...card, name: "theirs", seen: 12, tags: ["b", "c"] }),
        (card) => ({ ...card, seen: 15, tags: ["a", "b", "d"] })
      )
      const settled = yield* Document.save(refused).pipe(Effect.catchTag("ConflictError", merging))
      assert.deepStrictEqual(settled.body, { name: "theirs", seen: 17, tags: ["b", "c", "d"] })
      assert.deepStrictEqual((yield* Document.fetch(cards, "card")).body, settled.body)
      assert.isFalse(Document.isDirty(settled))
    }))

  it.scoped("merge writes nothing where theirs says it all already", () =>
    Effect.gen(function*() {
      const { cards, refused } = yield* scene(
        (card) => ({ ...card, name: "new" }),
        (card) => ({ ...card, name: "new" })
      )
      const before = yield* Document.info(cards, "card")
      const settled = yield* Document.save(refused).pipe(Effect.catchTag("ConflictError", merging))
      assert.deepStrictEqual(settled.rev, Option.some(before.rev))
      assert.deepStrictEqual(yield* Document.info(cards, "card"), before)
    }))

  it.scoped("merge keeps what the schema does not know, from the other side", () =>
    Effect.gen(function*() {
      const { cards, refused } = yield* scene(bump(1), bump(2))
      const { _rev } = JSON.parse(yield* stored(cards.database, "card")) as { readonly _rev: string }
      yield* raw(
        "PUT",
        `/${cards.database}/card?rev=${_rev}`,
        `{"big":12345678901234567890,"name":"x","seen":11,"tags":[]}`
      )
      yield* Document.save(refused).pipe(Effect.catchTag("ConflictError", merging))
      assert.include(
        yield* stored(cards.database, "card"),
        `{"big":12345678901234567890,"name":"x","seen":13,"tags":[]}`.slice(1)
      )
    }))

  it.scoped("two edits that do not merge are an OverlapError with its paths, and nothing is written", () =>
    Effect.gen(function*() {
      const { cards, refused } = yield* scene(
        (card) => ({ ...card, name: "theirs" }),
        (card) => ({ ...card, name: "a secret" })
      )
      const error = yield* Effect.flip(Document.save(refused).pipe(Effect.catchTag("ConflictError", merging)))
      assert.strictEqual(error._tag, "OverlapError")
      if (error._tag === "OverlapError") {
        assert.deepStrictEqual(error.paths, [{ path: "name", why: "changed on both sides" }])
        assert.notInclude(error.message + JSON.stringify(error), "secret")
        assert.strictEqual(error.conflict.attempted, refused)
      }
      assert.strictEqual((yield* Document.fetch(cards, "card")).body.name, "theirs")
      const decided = yield* Document.save(refused).pipe(
        Effect.catchTag("ConflictError", merging.pipe(Conflict.orElse(Conflict.overwrite)))
      )
      assert.strictEqual(decided.body.name, "a secret")
      assert.strictEqual((yield* Document.fetch(cards, "card")).body.name, "a secret")
    }))

  it.scoped("keepTheirs gives up the edit, reapply makes it again", () =>
    Effect.gen(function*() {
      const { cards, refused } = yield* scene(bump(1), bump(5))
      const theirs = yield* Document.save(refused).pipe(Effect.catchTag("ConflictError", Conflict.keepTheirs))
      assert.strictEqual(theirs.body.seen, 11)
      const again = yield* Document.save(refused).pipe(
        Effect.catchTag("ConflictError", Conflict.reapply(cards, bump(5)))
      )
      assert.strictEqual(again.body.seen, 16)
    }))

  it.scoped("fork stores a sibling: both versions stand, and the document is in conflict", () =>
    Effect.gen(function*() {
      const { cards, refused } = yield* scene(bump(1), bump(5))
      const forked = yield* Document.save(refused).pipe(Effect.catchTag("ConflictError", Conflict.fork))
      const winner = yield* Document.fetch(cards, "card")
      const { conflicts } = yield* Document.conflicts(winner)
      const leaves = [Option.getOrThrow(winner.rev), ...conflicts]
      assert.lengthOf(leaves, 2)
      assert.include(leaves, Option.getOrThrow(forked.rev))
      const mine = yield* Document.fetch(cards, "card", { rev: Option.getOrThrow(forked.rev) })
      assert.strictEqual(mine.body.seen, 15)
      assert.deepStrictEqual(leaves.map(Revision.generation), [2, 2])
      const again = yield* Document.save(refused).pipe(Effect.catchTag("ConflictError", Conflict.fork))
      assert.deepStrictEqual(again.rev, forked.rev)
      assert.lengthOf((yield* Document.conflicts(winner)).conflicts, 1)
    }))

  it.scoped("onDeleted recreates or fails; without it a merge overlaps, and nothing is resurrected silently", () =>
    Effect.gen(function*() {
      const cards = Collection.make(yield* database, Card)
      const read = yield* Document.create(cards, "card", { name: "old", seen: 1, tags: [] })
      yield* Document.delete(read)
      const refused = Document.modify(read, bump(1))
      const overlap = yield* Effect.flip(Document.save(refused).pipe(Effect.catchTag("ConflictError", merging)))
      assert.strictEqual(overlap._tag, "OverlapError")
      const failed = yield* Effect.flip(
        Document.save(refused).pipe(Effect.catchTag("ConflictError", merging.pipe(Conflict.onDeleted("fail"))))
      )
      assert.strictEqual(failed._tag, "ConflictError")
      const theirs = yield* Effect.flip(
        Document.save(refused).pipe(Effect.catchTag("ConflictError", Conflict.keepTheirs))
      )
      assert.strictEqual(theirs._tag === "NotFoundError" && theirs.reason, "deleted")
      assert.isFalse(yield* Document.exists(cards, "card"))
      const back = yield* Document.save(refused).pipe(
        Effect.catchTag("ConflictError", merging.pipe(Conflict.onDeleted("recreate")))
      )
      assert.strictEqual(Revision.generation(Option.getOrThrow(back.rev)), 3)
      assert.strictEqual((yield* Document.fetch(cards, "card")).body.seen, 2)
    }))

  it.scoped("a refused delete: merge carries it out over an equal body, and overlaps with an edit", () =>
    Effect.gen(function*() {
      const { cards, read } = yield* scene(bump(1), (card) => card)
      const overlap = yield* Effect.flip(Document.delete(read).pipe(Effect.catchTag("ConflictError", merging)))
      assert.strictEqual(overlap._tag, "OverlapError")
      assert.isTrue(yield* Document.exists(cards, "card"))
      yield* Document.update(cards, "card", bump(-1))
      const gone = yield* Document.delete(read).pipe(Effect.catchTag("ConflictError", merging))
      assert.strictEqual(gone._tag, "Tombstone")
      assert.isFalse(yield* Document.exists(cards, "card"))
    }))

  it.scoped("retry hands a second conflict to the policy, and gives up with the attempts", () =>
    Effect.gen(function*() {
      const { cards, refused } = yield* scene(bump(1), bump(100))
      const rivals = yield* Ref.make(2)
      const rival = Effect.gen(function*() {
        if ((yield* Ref.getAndUpdate(rivals, (n) => n - 1)) > 0) yield* Document.update(cards, "card", bump(1))
      })
      // A rival writes between the read of the policy and its write, twice.
      const racing = Conflict.make(cards, "racing", ({ attempted }) =>
        Effect.gen(function*() {
          const theirs = yield* Document.fetch(cards, "card")
          yield* rival
          const base = Option.getOrThrow(attempted.base).body.seen
          return yield* Document.save(Document.modify(theirs, bump(attempted.body.seen - base)))
        }))
      const first = yield* Effect.flip(Document.save(refused).pipe(Effect.catchTag("ConflictError", racing)))
      assert.strictEqual(first._tag, "ConflictError")
      yield* Ref.set(rivals, 2)
      const settled = yield* Document.save(refused).pipe(
        Effect.catchTag("ConflictError", racing.pipe(Conflict.retry(Schedule.recurs(5))))
      )
      assert.strictEqual(settled.body.seen, 10 + 1 + 1 + 2 + 100)
      yield* Ref.set(rivals, 99)
      const given = yield* Effect.flip(
        Document.save(Document.modify(refused, bump(1))).pipe(
          Effect.catchTag("ConflictError", racing.pipe(Conflict.limit(3)))
        )
      )
      assert.strictEqual(given._tag === "ConflictError" && given.attempts, 4)
    }))

  it.scoped("when picks the conflicts, tap looks on, quarantine puts the refused version aside", () =>
    Effect.gen(function*() {
      const { cards, refused } = yield* scene(
        (card) => ({ ...card, name: "theirs" }),
        (card) => ({ ...card, name: "mine" })
      )
      const aside = Collection.make(yield* database, Card)
      const seen = yield* Ref.make<ReadonlyArray<string>>([])
      const policy = Conflict.keepTheirs.pipe(
        Conflict.quarantine(aside),
        Conflict.when((conflict) => conflict.operation === "save"),
        Conflict.tap(({ operation }) => Ref.update(seen, (all) => [...all, operation]))
      )
      const kept = yield* Document.save(refused).pipe(Effect.catchTag("ConflictError", policy))
      assert.strictEqual(kept.body.name, "theirs")
      const other = Document.modify(refused, (card) => ({ ...card, name: "another" }))
      yield* Document.save(other).pipe(Effect.catchTag("ConflictError", policy))
      yield* Document.save(refused).pipe(Effect.catchTag("ConflictError", policy))
      const { rows } = JSON.parse(
        yield* stored(aside.database, "_all_docs", "?include_docs=true")
      ) as { readonly rows: ReadonlyArray<{ readonly id: string; readonly doc: Card }> }
      assert.sameMembers(rows.map(({ doc }) => doc.name), ["mine", "another"])
      for (const { id } of rows) assert.match(id, /^card~2-[0-9a-f]{32}$/)
      const created = yield* Effect.flip(
        Document.create(cards, "card", refused.body).pipe(Effect.catchTag("ConflictError", policy))
      )
      assert.strictEqual(created._tag, "ConflictError")
      assert.deepStrictEqual(yield* Ref.get(seen), ["save", "save", "save", "create"])
    }))

  it.scoped("many writers whose merges meet lose no count", () =>
    Effect.gen(function*() {
      const cards = Collection.make(yield* database, Card)
      const read = yield* Document.create(cards, "card", { name: "x", seen: 0, tags: [] })
      const policy = merging.pipe(Conflict.retry(Schedule.recurs(200)))
      // Equal edits of one parent, which would be one revision, and unequal ones.
      const write = (by: number) =>
        Document.save(Document.modify(read, bump(by))).pipe(Effect.catchTag("ConflictError", policy))
      yield* Effect.forEach([1, 1, 1, 1, 2, 3, 4, 5], write, { concurrency: "unbounded" })
      assert.strictEqual((yield* Document.fetch(cards, "card")).body.seen, 18)
    }))

  it.scoped("an accepted deletion writes nothing, and gives the edit back", () =>
    Effect.gen(function*() {
      const cards = Collection.make(yield* database, Card)
      const read = yield* Document.create(cards, "card", { name: "old", seen: 10, tags: [] })
      yield* Document.delete(read)
      const edited = Document.modify(read, bump(1))
      const settled = yield* Document.save(edited).pipe(
        Effect.catchTag("ConflictError", merging.pipe(Conflict.onDeleted("accept")))
      )
      assert.strictEqual(settled.body.seen, 11)
      assert.isTrue(Document.isDirty(settled))
      assert.isFalse(yield* Document.exists(cards, "card"))
    }))

  it.scoped("whenSchema takes conflicts of its own kind, on both sides; matchBy has a policy for each kind", () =>
    Effect.gen(function*() {
      const Note = Schema.Struct({ kind: Schema.Literal("note"), n: Merge.Counter })
      const Photo = Schema.Struct({ kind: Schema.Literal("photo"), url: Schema.String })
      const Thing = Schema.Union(Note, Photo)
      const things = Collection.make(yield* database, Thing)
      const mergeThings = Conflict.merge(Merge.make(things))
      const refused = (id: string, first: typeof Thing.Type, theirs: typeof Thing.Type, mine: typeof Thing.Type) =>
        Effect.gen(function*() {
          const read = yield* Document.create(things, id, first)
          yield* Document.save(Document.modify(read, () => theirs))
          return Document.modify(read, () => mine)
        })
      const note = (n: number) => ({ kind: "note" as const, n })
      const photo = (url: string) => ({ kind: "photo" as const, url })
      const notes = mergeThings.pipe(Conflict.whenSchema(Note))
      const both = yield* refused("a", note(1), note(3), note(5))
      const merged = yield* Document.save(both).pipe(Effect.catchTag("ConflictError", notes))
      assert.deepStrictEqual(merged.body, note(7))
      for (const [id, theirs, mine] of [["b", photo("x"), note(5)], ["c", note(3), photo("y")]] as const) {
        const mixed = yield* refused(id, note(1), theirs, mine)
        const error = yield* Effect.flip(Document.save(mixed).pipe(Effect.catchTag("ConflictError", notes)))
        assert.strictEqual(error._tag, "ConflictError")
      }
      const byKind = Conflict.matchBy(things, ({ kind }) => kind, { note: mergeThings, photo: Conflict.overwrite })
      const photos = yield* refused("d", photo("1"), photo("2"), photo("3"))
      const settled = yield* Document.save(photos).pipe(Effect.catchTag("ConflictError", byKind))
      assert.deepStrictEqual(settled.body, photo("3"))
      const others = Conflict.matchBy(things, () => "toString", { note: mergeThings })
      const left = yield* refused("e", note(1), note(2), note(3))
      const error = yield* Effect.flip(Document.save(left).pipe(Effect.catchTag("ConflictError", others)))
      assert.strictEqual(error._tag, "ConflictError")
    }))
}
