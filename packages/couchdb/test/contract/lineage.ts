import { assert } from "@effect/vitest"
import { Attachment, Bulk, Collection, Conflict, Document, Json, Merge, Revision, SiblingPolicy } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { sample } from "../support/deep.js"
import * as Lineage from "../support/lineageInternals.js"
import { bytesOf, Card, docOf, leavesOf, replicate } from "./siblingScenes.js"
import { type Contract, database, raw } from "./suite.js"

const merging = Merge.make(Card)

const cardsWith = (options: Lineage.Options) =>
  Effect.map(database, (name) => Collection.make(name, Card, { lineage: Lineage.settings(options) }))
const newCards = cardsWith({})
type Cards = Effect.Effect.Success<typeof newCards>

const card: Card = { name: "ada", seen: 10, tags: ["a", "b"] }

const fieldOf = (cards: Cards, id: string) =>
  Effect.map(raw("GET", `/${cards.database}/${id}`), (answer) => Lineage.decodeField(docOf(answer)["lineage"] as never))

const recordAt = (cards: Cards, id: string) =>
  Effect.map(fieldOf(cards, id), (field) => {
    if (field._tag !== "Record") throw new Error(`no record but ${field._tag}`)
    return field.record
  })

const seen = (by: number) => (each: Card): Card => ({ ...each, seen: each.seen + by })

/** The same document in two databases, edited in each. */
const apart = (here: (card: Card) => Card, there: (card: Card) => Card, options: Lineage.Options = {}) =>
  Effect.gen(function*() {
    const [one, other] = [yield* cardsWith(options), yield* cardsWith(options)]
    yield* Document.create(one, "ada", card)
    yield* replicate(one, other)
    yield* Document.update(one, "ada", here)
    yield* Document.update(other, "ada", there)
    return [one, other] as const
  })

export const lineage: Contract = (it) => {
  it.scoped("the field says what each revision is made of, and no body shows it", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      const created = yield* Document.create(cards, "ada", card)
      assert.deepStrictEqual(Object.keys(created.body).sort(), ["name", "seen", "tags"])
      const first = yield* recordAt(cards, "ada")
      assert.deepInclude(first, { kind: "edit", parent: null, also: [], path: [], names: [] })
      const saved = yield* Document.save(Document.modify(created, seen(1)))
      const second = yield* recordAt(cards, "ada")
      assert.strictEqual(second.parent, Option.getOrThrow(created.rev))
      assert.deepStrictEqual(second.path.map(({ link }) => link.rev), [Option.getOrThrow(created.rev)])
      assert.notStrictEqual(first.edit, second.edit)
      assert.deepStrictEqual((yield* Document.fetch(cards, "ada")).body, saved.body)
      // Nothing changed, nothing is written.
      assert.strictEqual((yield* Document.save(saved)).rev, saved.rev)
    }))

  it.scoped("equal edits made apart count twice, and replicas that resolve apart agree", () =>
    Effect.gen(function*() {
      const [here, there] = yield* apart(seen(1), seen(1))
      yield* replicate(here, there)
      yield* replicate(there, here)
      const one = yield* Conflict.resolve(here, "ada", merging)
      const other = yield* Conflict.resolve(there, "ada", merging)
      assert.strictEqual(one._tag, "Resolved")
      assert.strictEqual(other._tag, "Resolved")
      yield* replicate(here, there)
      yield* replicate(there, here)
      assert.deepStrictEqual(yield* leavesOf(here, "ada"), yield* leavesOf(there, "ada"))
      assert.strictEqual((yield* Document.fetch(here, "ada")).body.seen, 12)
      assert.strictEqual((yield* Conflict.resolve(here, "ada", merging))._tag, "NothingToDo")
    }))

  it.scoped("a version that is forked on purpose has a record too, and equal ones are two", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      const first = yield* Document.create(cards, "ada", card)
      for (let i = 0; i < 3; i++) {
        yield* Document.save(Document.modify(first, seen(1))).pipe(Effect.catchTag("ConflictError", Conflict.fork))
      }
      yield* Conflict.resolve(cards, "ada", merging)
      assert.strictEqual((yield* Document.fetch(cards, "ada")).body.seen, 13)
    }))

  it.scoped("a loser that is edited after its merge counts once", () =>
    Effect.gen(function*() {
      const [here, there] = yield* apart(seen(1), seen(2))
      yield* replicate(there, here)
      yield* Conflict.resolve(here, "ada", merging)
      yield* raw("POST", `/${here.database}/_compact`, {})
      yield* Document.update(there, "ada", seen(4))
      yield* replicate(there, here)
      yield* Conflict.resolve(here, "ada", merging)
      assert.strictEqual((yield* Document.fetch(here, "ada")).body.seen, 17)
    }))

  it.scoped("many versions merge one on top of the other, with their files, alike on two databases", () =>
    Effect.gen(function*() {
      // More than one merge takes.
      const howMany = sample(70, 100)
      const [here, there] = [yield* newCards, yield* newCards]
      const first = yield* Document.create(here, "ada", { ...card, tags: [] })
      yield* replicate(here, there)
      for (let i = 0; i < howMany; i++) {
        const forked = yield* Document.modify(first, (each) => ({ ...each, seen: each.seen + 1, tags: [`t${i}`] }))
          .pipe(
            Document.save,
            Effect.catchTag("ConflictError", Conflict.fork)
          )
        if (i % 20 === 0) {
          yield* Attachment.put(forked, `file ${i}`, { contentType: "text/plain", bytes: `file ${i} `.repeat(20) })
        }
      }
      yield* replicate(here, there)
      for (const cards of [here, there]) {
        assert.strictEqual((yield* Conflict.resolve(cards, "ada", merging))._tag, "Resolved")
      }
      assert.deepStrictEqual(yield* leavesOf(there, "ada"), yield* leavesOf(here, "ada"))
      const doc = yield* Document.fetch(here, "ada")
      assert.strictEqual(doc.body.seen, card.seen + howMany)
      assert.lengthOf(doc.body.tags, howMany)
      assert.sameMembers(
        Object.keys(doc.attachments),
        Array.from({ length: Math.ceil(howMany / 20) }, (_, i) => `file ${20 * i}`)
      )
      assert.strictEqual(new TextDecoder().decode(yield* bytesOf(here, "ada", "file 40")), "file 40 ".repeat(20))
      assert.deepStrictEqual((yield* Document.conflicts(doc)).conflicts, [])
      yield* raw("POST", `/${here.database}/_compact`, {})
      yield* Document.update(there, "ada", seen(1000))
      yield* Document.update(here, "ada", seen(2000))
      yield* replicate(there, here)
      assert.strictEqual((yield* Conflict.resolve(here, "ada", merging))._tag, "Resolved")
      assert.strictEqual((yield* Document.fetch(here, "ada")).body.seen, card.seen + howMany + 3000)
    }))

  it.scoped("a program that keeps the field, or drops it, has made an edit of its own", () =>
    Effect.gen(function*() {
      for (const keeps of [true, false]) {
        const [here, there] = yield* apart(seen(1), seen(2))
        const { lineage, ...read } = docOf(yield* raw("GET", `/${there.database}/ada`))
        yield* raw("PUT", `/${there.database}/ada`, { ...read, seen: 16, ...(keeps && { lineage }) })
        yield* replicate(there, here)
        // Whether the server still has what the program read is its own affair; nothing is guessed.
        const outcome = yield* Conflict.resolve(here, "ada", merging)
        if (outcome._tag === "Resolved") {
          assert.strictEqual((yield* Document.fetch(here, "ada")).body.seen, 17)
        } else {
          assert.strictEqual(outcome._tag === "Unresolved" && outcome.reason._tag, "Unknown")
        }
        const again = yield* Conflict.resolve(there, "ada", merging)
        assert.strictEqual(again._tag, "NothingToDo")
      }
    }))

  it.scoped("a deletion keeps what was deleted, an edit beside it wins, and both count", () =>
    Effect.gen(function*() {
      const [here, there] = yield* apart(seen(1), seen(2))
      yield* Document.delete(yield* Document.fetch(there, "ada"))
      yield* replicate(there, here)
      assert.strictEqual((yield* Conflict.resolve(here, "ada", merging))._tag, "Resolved")
      assert.strictEqual((yield* Document.fetch(here, "ada")).body.seen, 13)
    }))

  it.scoped("deleteWins deletes, and the tombstone keeps what both said", () =>
    Effect.gen(function*() {
      const [here, there] = yield* apart(seen(1), seen(2))
      yield* Document.delete(yield* Document.fetch(there, "ada"))
      yield* replicate(there, here)
      const policy = SiblingPolicy.merge(merging, { deleted: "deleteWins" })
      assert.strictEqual((yield* Conflict.resolve(here, "ada", policy))._tag, "Resolved")
      assert.isTrue(Option.isNone(yield* Document.fetchOption(here, "ada")))
      assert.strictEqual((yield* Conflict.resolve(here, "ada", policy))._tag, "NothingToDo")
      const kept = (yield* leavesOf(here, "ada")).map((leaf) => leaf.lineage?.doc?.["seen"])
      assert.include(kept, 13)
    }))

  it.scoped("a re-created document continues the history of the deleted one", () =>
    Effect.gen(function*() {
      const [here, there] = yield* apart(seen(1), seen(2))
      yield* Document.delete(yield* Document.fetch(here, "ada"))
      yield* Document.delete(yield* Document.fetch(there, "ada"))
      yield* replicate(there, here)
      const made = yield* Document.create(here, "ada", { ...card, seen: 3 })
      const record = yield* recordAt(here, "ada")
      assert.lengthOf(record.also, 1)
      assert.strictEqual((yield* Conflict.resolve(here, "ada", merging))._tag, "NothingToDo")
      assert.strictEqual((yield* Document.fetch(here, "ada")).body.seen, 3)
      // What stands is not made anew.
      const twice = yield* Effect.either(Document.create(here, "ada", card))
      assert.strictEqual(Either.isLeft(twice) && twice.left._tag, "ConflictError")
      assert.isTrue(Option.isSome(made.rev))
    }))

  it.scoped("bulk writes and attachments keep records too", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      const results = yield* Bulk.save([
        Document.make(cards, "ada", card),
        Document.make(cards, "ben", { ...card, name: "ben" })
      ])
      assert.isTrue(results.every(Either.isRight))
      const read = yield* Document.fetch(cards, "ada")
      const text = { contentType: "text/plain", bytes: "hello hello hello hello" }
      const filed = yield* Attachment.put(read, "a b/c?d#e", text)
      assert.strictEqual((yield* recordAt(cards, "ada")).parent, Option.getOrThrow(read.rev))
      const edited = yield* Document.save(Document.modify(filed, seen(1)))
      assert.deepStrictEqual(Object.keys(edited.attachments), ["a b/c?d#e"])
      const removed = yield* Attachment.delete(edited, "a b/c?d#e")
      const record = yield* recordAt(cards, "ada")
      assert.strictEqual(record.parent, Option.getOrThrow(edited.rev))
      assert.lengthOf(record.path, 3)
      assert.deepStrictEqual(removed.attachments, {})
      yield* Bulk.delete([removed])
      assert.isTrue(Option.isNone(yield* Document.fetchOption(cards, "ada")))
    }))

  it.scoped("a loser's file comes along, byte for byte", () =>
    Effect.gen(function*() {
      const [here, there] = yield* apart(seen(1), seen(2))
      const bytes = Uint8Array.from({ length: 3_000 }, (_, i) => i % 251)
      yield* Attachment.put(yield* Document.fetch(there, "ada"), "photo", { contentType: "image/png", bytes })
      yield* replicate(there, here)
      yield* Document.update(here, "ada", seen(4))
      yield* Document.update(here, "ada", seen(8))
      assert.strictEqual((yield* Conflict.resolve(here, "ada", merging))._tag, "Resolved")
      const merged = yield* Document.fetch(here, "ada")
      assert.strictEqual(merged.body.seen, 25)
      assert.deepStrictEqual(Array.from(yield* bytesOf(here, "ada", "photo")), Array.from(bytes))
      assert.deepStrictEqual(Object.keys(merged.attachments), ["photo"])
    }))

  it.scoped("restores, strips and erases a merged version", () =>
    Effect.gen(function*() {
      const [here, there] = yield* apart(seen(1), seen(2))
      yield* replicate(there, here)
      yield* Conflict.resolve(here, "ada", merging)
      const [burial] = yield* Lineage.mergedVersions(here, "ada")
      if (burial === undefined) return assert.fail("no version is merged")
      const back = yield* Lineage.restoreVersion(here, "ada", burial.rev)
      assert.include([11, 12], back.body.seen)
      // Brought back twice, it is back once.
      assert.deepStrictEqual((yield* Lineage.restoreVersion(here, "ada", burial.rev)).rev, back.rev)
      yield* Conflict.resolve(here, "ada", merging)
      assert.strictEqual((yield* Document.fetch(here, "ada")).body.seen, 13 + back.body.seen - 10)
      assert.isAtLeast(yield* Lineage.stripTombstones(here, "ada"), 1)
      assert.isTrue((yield* Lineage.mergedVersions(here, "ada")).every(({ keepsBody }) => !keepsBody))
      assert.strictEqual(yield* Lineage.stripTombstones(here, "ada"), 0)
      assert.strictEqual((yield* Conflict.resolve(here, "ada", merging))._tag, "NothingToDo")
      const erased = yield* Lineage.erase(here, "ada")
      assert.isAtLeast(erased.revisions.length, 1)
      assert.deepStrictEqual(erased.remaining, [])
      assert.isTrue(Option.isNone(yield* Document.fetchOption(here, "ada")))
      assert.notInclude(JSON.stringify(yield* leavesOf(here, "ada")), "\"seen\"")
    }))

  it.scoped("strips and erases the tombstones of a deleted document, once", () =>
    Effect.gen(function*() {
      const [here, there] = yield* apart(seen(1), seen(2))
      yield* replicate(there, here)
      yield* Conflict.resolve(here, "ada", merging)
      yield* Document.delete(yield* Document.fetch(here, "ada"))
      assert.include(JSON.stringify(yield* leavesOf(here, "ada")), "\"seen\"")
      assert.strictEqual(yield* Lineage.stripTombstones(here, "ada"), 1)
      const erased = yield* Lineage.erase(here, "ada")
      assert.lengthOf(erased.revisions, 1)
      assert.deepStrictEqual(erased.remaining, [])
      assert.notInclude(JSON.stringify(yield* leavesOf(here, "ada")), "\"seen\"")
      assert.deepStrictEqual((yield* Lineage.erase(here, "ada")).revisions, [])
    }))

  it.scoped("what is slimmed or erased still has the members that filters select it by", () =>
    Effect.gen(function*() {
      const [here, there] = yield* apart(seen(1), seen(2), { tombstone: { keep: ["name"] } })
      yield* replicate(there, here)
      yield* Conflict.resolve(here, "ada", merging)
      assert.strictEqual(yield* Lineage.stripTombstones(here, "ada"), 1)
      const slimmed = (yield* leavesOf(here, "ada")).filter(({ _deleted }) => _deleted === true)
      assert.deepStrictEqual(slimmed.map((leaf) => Object.keys(leaf).filter((key) => !key.startsWith("_")).sort()), [
        ["lineage", "name"]
      ])
      const erased = yield* Lineage.erase(here, "ada")
      assert.deepStrictEqual(erased.remaining, [])
      const left = yield* leavesOf(here, "ada")
      assert.isTrue(left.every((leaf) => leaf._deleted === true && leaf.name === "ada"))
      assert.notInclude(JSON.stringify(left), "\"seen\"")
      assert.deepStrictEqual((yield* Lineage.erase(here, "ada")).revisions, [])
    }))

  it.scoped("a document that is nested too deeply can be edited, and its conflicts need manual review", () =>
    Effect.gen(function*() {
      const [here, there] = [yield* newCards, yield* newCards]
      let deep: unknown = 0
      for (let i = 0; i < 1_500; i++) deep = [deep]
      yield* raw("PUT", `/${here.database}/ada`, { ...card, deep })
      yield* replicate(here, there)
      yield* Document.update(here, "ada", seen(1))
      yield* Document.update(there, "ada", seen(2))
      yield* replicate(there, here)
      const outcome = yield* Conflict.resolve(here, "ada", merging)
      assert(outcome._tag === "Unresolved" && outcome.reason._tag === "Unknown")
      assert.include(outcome.reason.why, "nested deeper")
      assert.lengthOf(yield* leavesOf(here, "ada"), 2)
    }))

  it.scoped("a document that leaves the process shows its field to no schema, and keeps it", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      const counts = Collection.make(cards.database, Schema.Record({ key: Schema.String, value: Schema.Unknown }), {
        lineage: Lineage.settings()
      })
      const made = yield* Document.create(counts, "any", { a: 1 })
      const outside = Document.schema(counts)
      const back = yield* Schema.decode(outside)(yield* Schema.encode(outside)(yield* Document.fetch(counts, "any")))
      assert.deepStrictEqual(back.body, { a: 1 })
      const saved = yield* Document.save(Document.modify(back, (body) => ({ ...body, b: 2 })))
      assert.deepStrictEqual(saved.body, { a: 1, b: 2 })
      assert.strictEqual((yield* recordAt(cards, "any")).parent, Option.getOrThrow(made.rev))
    }))

  it.scoped("a collection is switched on over documents that have none", () =>
    Effect.gen(function*() {
      const here = yield* newCards
      const plain = Collection.make(here.database, Card)
      yield* Document.create(plain, "ada", card)
      yield* Document.update(plain, "ada", seen(1))
      yield* Document.update(here, "ada", seen(1))
      assert.lengthOf((yield* recordAt(here, "ada")).path, 2)
      const there = yield* newCards
      yield* replicate(here, there)
      yield* Document.update(here, "ada", seen(1))
      yield* Document.update(there, "ada", seen(1))
      yield* replicate(there, here)
      assert.strictEqual((yield* Conflict.resolve(here, "ada", merging))._tag, "Resolved")
      assert.strictEqual((yield* Document.fetch(here, "ada")).body.seen, 14)
    }))

  it.scoped("where records are signed, one that somebody without the key made up is a stranger's edit", () =>
    Effect.gen(function*() {
      const [here, there] = yield* apart(seen(1), seen(2), { mac: [Redacted.make("the key of all who resolve")] })
      yield* replicate(there, here)
      // It says that it contains the other version, and does not.
      const { _id, _rev: winner, lineage: _, ...body } = docOf(yield* raw("GET", `/${here.database}/ada`))
      const losers = (yield* leavesOf(here, "ada")).map(({ _rev }) => Revision.make(_rev)).filter((rev) =>
        rev !== winner
      )
      assert.lengthOf(losers, 1)
      const made = Lineage.makeRecord(Lineage.buildIndex(Lineage.settings(), []), {
        kind: "merge",
        parent: Revision.make(String(winner)),
        also: losers,
        content: { body: body as Json.JsonObject, files: {} },
        deleted: false,
        edit: undefined
      })
      yield* raw("PUT", `/${here.database}/ada?rev=${String(winner)}`, {
        ...body,
        lineage: JSON.parse(Json.stringify(Lineage.encodeRecord(made)))
      })
      // Who asks for no signature believes it, and loses an edit.
      const gullible = yield* newCards
      yield* replicate(here, gullible)
      yield* Conflict.resolve(gullible, "ada", merging)
      assert.strictEqual((yield* Document.fetch(gullible, "ada")).body.seen, body["seen"])
      assert.strictEqual((yield* Conflict.resolve(here, "ada", merging))._tag, "Resolved")
      assert.strictEqual((yield* Document.fetch(here, "ada")).body.seen, 13)
      assert.strictEqual((yield* Conflict.resolve(here, "ada", merging))._tag, "NothingToDo")
      // What was slimmed is still signed.
      assert.strictEqual(yield* Lineage.stripTombstones(here, "ada"), 1)
      assert.lengthOf(yield* Lineage.mergedVersions(here, "ada"), 1)
    }))

  it.scoped("warns of a depth that exceeds the revisions limit", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      assert.deepStrictEqual(yield* Lineage.warnings(cards), [])
      yield* raw("PUT", `/${cards.database}/_revs_limit`, 20)
      assert.lengthOf(yield* Lineage.warnings(cards), 1)
    }))

  it.effect("where it cannot be kept, it is refused before anything is sent", () =>
    Effect.gen(function*() {
      assert.throws(() => Collection.make("_users", Card, { lineage: Lineage.settings() }), RangeError)
      assert.throws(
        () => Collection.make("zoo", Card, { lineage: Lineage.settings({ field: "_lineage" }) }),
        RangeError
      )
      assert.throws(() => Collection.make("zoo", Card, { lineage: Lineage.settings({ field: "seen" }) }), RangeError)
      for (const options of [{}, { depth: 8 }, true, null]) {
        assert.throws(
          // @ts-expect-error -- as a program without types might
          () => Collection.make("zoo", Card, { lineage: options }),
          /Lineage\.settings/
        )
      }
      const design = yield* Effect.either(
        Document.create(Collection.make("zoo", Card, { lineage: Lineage.settings() }), "_design/cards", card)
      )
      assert.strictEqual(Either.isLeft(design) && design.left._tag, "InvalidIdError")
    }))
}
