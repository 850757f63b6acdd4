import { assert } from "@effect/vitest"
import { Collection, Conflict, Document, Merge, SiblingPolicy } from "effect-couchdb"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { attach, bytesOf, Card, conflicted, copyLeaves, docOf, leavesOf, newCards, replicate } from "./siblingScenes.js"
import { type Contract, database, raw } from "./suite.js"

const merging = Merge.make(Card)

const isResolved = <A, R>(resolution: Conflict.Resolution<A, R>) => {
  if (resolution._tag !== "Resolved") throw new Error(`not resolved: ${JSON.stringify(resolution)}`)
  return resolution
}

const isDeferred = <A, R>(resolution: Conflict.Resolution<A, R>) => {
  if (resolution._tag !== "Unresolved") throw new Error(`not unresolved: ${JSON.stringify(resolution)}`)
  return resolution
}

export const resolution: Contract = (it) => {
  it.scoped("siblings become their three-way merge, and the losers tombstones that keep what they said", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      yield* conflicted(cards, "ada", [
        (card) => ({ ...card, name: "Ada L.", seen: 13 }),
        (card) => ({ ...card, seen: 15, tags: ["b", "c"] }),
        (card) => ({ ...card, tags: ["a", "b", "d"] })
      ])
      const resolved = isResolved(yield* Conflict.resolve(cards, "ada", merging))
      const body = { name: "Ada L.", seen: 18, tags: ["b", "c", "d"] }
      assert.deepStrictEqual(
        Option.map(resolved.document, (doc) => ({ ...doc.body, tags: [...doc.body.tags].sort() })),
        Option.some(body)
      )
      assert.lengthOf(resolved.merged, 2)
      assert.deepStrictEqual([...resolved.deleted].sort(), [...resolved.merged].sort())
      assert.deepStrictEqual(resolved.withoutBase, [])
      const fetched = yield* Document.fetch(cards, "ada")
      assert.deepStrictEqual(Option.map(resolved.document, ({ rev }) => rev), Option.some(fetched.rev))
      assert.isFalse(Document.isDirty(Option.getOrThrow(resolved.document)))
      const leaves = yield* leavesOf(cards, "ada")
      assert.strictEqual(leaves.filter(({ _deleted }) => _deleted !== true).length, 1)
      const buried = leaves.filter(({ _deleted }) => _deleted === true).map(({ lineage }) => lineage)
      assert.deepStrictEqual(buried.map((each) => each?.into.rev), [
        String(Option.getOrThrow(fetched.rev)),
        String(Option.getOrThrow(fetched.rev))
      ])
      assert.deepStrictEqual(
        buried.map((each) => each?.of).sort(),
        [...resolved.merged].sort().map(String)
      )
      for (const each of buried) assert.hasAllKeys(each?.doc, ["name", "seen", "tags"])
      assert.deepStrictEqual(yield* Conflict.resolve(cards, "ada", merging), { _tag: "NothingToDo", id: "ada" })
      // A document that was merged is edited like any other.
      yield* Document.save(Document.modify(fetched, (card) => ({ ...card, seen: 20 })))
    }))

  it.scoped("two databases with the same siblings, resolved apart and then replicated, are one revision", () =>
    Effect.gen(function*() {
      const here = yield* newCards
      yield* conflicted(here, "ada", [
        (card) => ({ ...card, seen: 11, tags: ["x"] }),
        (card) => ({ ...card, seen: 12, name: "Ada" })
      ], { unknown: true, files: true })
      const there = yield* newCards
      yield* copyLeaves(here, there, "ada", { ancestors: true })
      const [first] = yield* Effect.all([
        Conflict.resolve(here, "ada", merging),
        Conflict.resolve(there, "ada", merging)
      ])
      isResolved(first)
      const before = yield* leavesOf(here, "ada")
      assert.deepStrictEqual(yield* leavesOf(there, "ada"), before)
      yield* replicate(here, there)
      yield* replicate(there, here)
      for (const cards of [here, there]) {
        assert.deepStrictEqual(yield* leavesOf(cards, "ada"), before)
        assert.deepStrictEqual((yield* Document.conflicts(yield* Document.fetch(cards, "ada"))).conflicts, [])
      }
    }))

  it.scoped("a loser that is edited elsewhere after the merge counts its old edit once", () =>
    Effect.gen(function*() {
      const here = yield* newCards
      yield* conflicted(here, "ada", [(card) => ({ ...card, seen: 11 }), (card) => ({ ...card, seen: 12 })])
      const there = yield* newCards
      yield* copyLeaves(here, there, "ada", { ancestors: true })
      const { leaves } = yield* Conflict.siblings(there, "ada")
      const [, loser] = leaves
      if (loser?._tag !== "Live") return assert.fail("no losing leaf")
      yield* Document.save(Document.modify(loser.document, (card) => ({ ...card, seen: card.seen + 100 })))
      isResolved(yield* Conflict.resolve(here, "ada", merging))
      assert.strictEqual((yield* Document.fetch(here, "ada")).body.seen, 13)
      yield* copyLeaves(there, here, "ada")
      isResolved(yield* Conflict.resolve(here, "ada", merging))
      assert.strictEqual((yield* Document.fetch(here, "ada")).body.seen, 113)
      yield* copyLeaves(here, there, "ada")
      yield* Conflict.resolve(there, "ada", merging)
      yield* copyLeaves(there, here, "ada")
      yield* Conflict.resolve(here, "ada", merging)
      assert.strictEqual((yield* Document.fetch(here, "ada")).body.seen, 113)
      assert.strictEqual((yield* Document.fetch(there, "ada")).body.seen, 113)
    }))

  it.scoped("a stored merge is not merged again if its losers still exist: they are only deleted", () =>
    Effect.gen(function*() {
      const here = yield* newCards
      yield* conflicted(here, "ada", [(card) => ({ ...card, seen: 11 }), (card) => ({ ...card, seen: 12 })])
      const there = yield* newCards
      yield* copyLeaves(here, there, "ada", { ancestors: true })
      isResolved(yield* Conflict.resolve(here, "ada", merging))
      // The merge arrives without the burial, as after a crash between the two.
      yield* copyLeaves(here, there, "ada", { live: true })
      const resolved = isResolved(yield* Conflict.resolve(there, "ada", merging))
      assert.deepStrictEqual(resolved.merged, [])
      assert.lengthOf(resolved.deleted, 1)
      assert.strictEqual((yield* Document.fetch(there, "ada")).body.seen, 13)
      assert.deepStrictEqual(yield* leavesOf(there, "ada"), yield* leavesOf(here, "ada"))
    }))

  it.scoped("members that the schema does not know merge three ways, in the elements of lists too, exact to the digit", () =>
    Effect.gen(function*() {
      const Line = Schema.Struct({ id: Schema.String, text: Schema.String })
      const Shopping = Schema.Struct({
        lines: Schema.Array(Line).pipe(Merge.annotate(Merge.list((line: typeof Line.Type) => line.id)))
      })
      const lists = Collection.make(yield* database, Shopping)
      const put = (query: string, text: string) =>
        Effect.map(raw("PUT", `/${lists.database}/list${query}`, text), docOf)
      const one = yield* put("", `{"a":1,"b":1,"big":1,"lines":[{"id":"x","text":"X","color":"red"}]}`)
      const rev = String(one["rev"])
      const hash = (letter: string) => letter.repeat(32)
      const sibling = (letter: string, members: string) =>
        raw(
          "POST",
          `/${lists.database}/_bulk_docs`,
          `{"new_edits":false,"docs":[{"_id":"list","_rev":"2-${hash(letter)}","_revisions":{"start":2,"ids":["${
            hash(letter)
          }","${rev.slice(2)}"]},${members}}]}`
        )
      yield* sibling("b", `"a":2,"b":1,"big":12345678901234567890,"lines":[{"id":"x","text":"X","color":"blue"}]`)
      yield* sibling(
        "a",
        `"a":1,"b":1.0,"big":1,"new":"n","lines":[{"id":"x","text":"XX","color":"red"},{"id":"y","text":"Y","color":"green"}]`
      )
      isResolved(yield* Conflict.resolve(lists, "list", Merge.make(Shopping)))
      const response = yield* raw("GET", `/${lists.database}/list`)
      const text = typeof response.body === "string" ? response.body : new TextDecoder().decode(response.body)
      assert.include(
        text,
        `"a":2,"b":1.0,"big":12345678901234567890,"lines":[{"id":"x","text":"XX","color":"blue"},{"id":"y","text":"Y","color":"green"}],"new":"n"`
      )
    }))

  it.scoped("members that nobody knows and that clash are an overlap under their own path", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      yield* conflicted(cards, "ada", [(card) => ({ ...card, seen: 11 }), (card) => ({ ...card, seen: 12 })], {
        clash: true
      })
      const before = yield* leavesOf(cards, "ada")
      const { reason, versions } = isDeferred(yield* Conflict.resolve(cards, "ada", merging))
      assert.strictEqual(reason._tag, "Overlap")
      assert.deepStrictEqual(reason._tag === "Overlap" && reason.paths.map(({ path }) => path), ["note.text"])
      assert.notInclude(JSON.stringify(reason), "secret")
      assert.deepStrictEqual(versions.map(({ _tag }) => _tag), ["Live", "Live"])
      assert.deepStrictEqual(yield* leavesOf(cards, "ada"), before)
    }))

  it.scoped("leaves an overlap unresolved until a later policy decides it", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      const edits = [
        (card: Card): Card => ({ ...card, name: "one", seen: 11 }),
        (card: Card): Card => ({ ...card, name: "two", seen: 12 })
      ]
      yield* conflicted(cards, "ada", edits)
      const before = yield* leavesOf(cards, "ada")
      const { reason } = isDeferred(yield* Conflict.resolve(cards, "ada", merging))
      assert.deepStrictEqual(reason._tag === "Overlap" && reason.paths.map(({ path }) => path), ["name"])
      assert.deepStrictEqual(yield* leavesOf(cards, "ada"), before)
      const asked: Array<string> = []
      const policy = SiblingPolicy.merge(merging).pipe(
        SiblingPolicy.onOverlap(({ _tag, base, clashes, mine, theirs }) =>
          Effect.sync(() => {
            asked.push(_tag, ...clashes.map(({ path }) => path.join(".")))
            return Option.some({
              ...mine,
              name: [mine.name, theirs.name].sort().join("+"),
              seen: Option.getOrThrow(base).seen
            })
          })
        )
      )
      isResolved(yield* Conflict.resolve(cards, "ada", policy))
      assert.deepStrictEqual(asked, ["Overlap", "name"])
      assert.strictEqual((yield* Document.fetch(cards, "ada")).body.name, "one+two")
    }))

  it.scoped("a version is picked whole, and what the other one said stays in its tombstone", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      yield* conflicted(cards, "ada", [(card) => ({ ...card, seen: 99 }), (card) => ({ ...card, name: "n", seen: 12 })])
      const greatest = SiblingPolicy.pick(Order.mapInput(Order.number, (card: Card) => card.seen))
      isResolved(yield* Conflict.resolve(cards, "ada", greatest))
      assert.deepStrictEqual((yield* Document.fetch(cards, "ada")).body, { name: "ada", seen: 99, tags: ["a", "b"] })
      const [, tombstone] = yield* leavesOf(cards, "ada")
      assert.oneOf(tombstone?.lineage?.doc["seen"], [12, 99])
    }))

  it.scoped("where the winner says it all, the losers are only deleted", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      yield* conflicted(cards, "ada", [
        (card) => ({ ...card, tags: ["a"] }),
        (card) => ({ ...card, tags: ["a"], seen: card.seen })
      ], { unknown: true })
      const winner = yield* Document.info(cards, "ada")
      isResolved(yield* Conflict.resolve(cards, "ada", SiblingPolicy.winner))
      assert.deepStrictEqual(yield* Document.info(cards, "ada"), winner)
      assert.lengthOf((yield* Document.conflicts(yield* Document.fetch(cards, "ada"))).conflicts, 0)
    }))

  it.scoped("an attachment that only a loser has is carried over, byte for byte; of two with one name both are kept", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      const [one, two] = yield* conflicted(cards, "ada", [
        (card) => ({ ...card, seen: 11 }),
        (card) => ({ ...card, seen: 12 })
      ])
      if (one === undefined || two === undefined) return assert.fail("no siblings")
      const photo = Uint8Array.from({ length: 300 }, (_, i) => i % 251)
      const one2 = yield* attach(cards, "ada", one, "photo.jpg", "image/jpeg", photo)
      const two2 = yield* attach(cards, "ada", two, "photo.jpg", "image/jpeg", photo.slice().reverse())
      yield* attach(cards, "ada", one2, "a note.txt", "text/plain", new TextEncoder().encode("one ".repeat(100)))
      yield* attach(cards, "ada", two2, "two/x.txt", "text/plain", new TextEncoder().encode("two ".repeat(100)))
      const resolved = isResolved(yield* Conflict.resolve(cards, "ada", merging))
      const doc = yield* Document.fetch(cards, "ada")
      assert.deepStrictEqual(doc.body.seen, 13)
      const names = Object.keys(doc.attachments).sort()
      assert.lengthOf(names, 4)
      assert.includeMembers(names, ["a note.txt", "photo.jpg", "two/x.txt"])
      assert.match(names.find((name) => name.includes("~")) ?? "", /^photo~[0-9a-f]{8}\.jpg$/)
      assert.deepStrictEqual(
        Object.entries(Option.getOrThrow(resolved.document).attachments).map(([name, { digest }]) => [name, digest])
          .sort(),
        Object.entries(doc.attachments).map(([name, { digest }]) => [name, digest]).sort()
      )
      assert.strictEqual(new TextDecoder().decode(yield* bytesOf(cards, "ada", "a note.txt")), "one ".repeat(100))
      assert.strictEqual(new TextDecoder().decode(yield* bytesOf(cards, "ada", "two/x.txt")), "two ".repeat(100))
      const both = [
        yield* bytesOf(cards, "ada", "photo.jpg"),
        yield* bytesOf(cards, "ada", names.find((name) => name.includes("~")) ?? "")
      ].map((bytes) => bytes[0])
      assert.sameMembers(both, [photo[0], photo[299]])
      assert.deepStrictEqual(yield* Conflict.resolve(cards, "ada", merging), { _tag: "NothingToDo", id: "ada" })
    }))

  it.scoped("files of one name: the rule may keep the winner's, or call it an overlap", () =>
    Effect.gen(function*() {
      for (const attachments of ["fail", "winner"] as const) {
        const cards = yield* newCards
        const revs = yield* conflicted(cards, "ada", [
          (card) => ({ ...card, seen: 11 }),
          (card) => ({ ...card, seen: 12 })
        ])
        for (const [i, rev] of revs.entries()) {
          yield* attach(cards, "ada", rev, "photo.jpg", "image/jpeg", Uint8Array.of(i, 7, 7, 7))
        }
        const standing = yield* bytesOf(cards, "ada", "photo.jpg")
        const outcome = yield* Conflict.resolve(cards, "ada", SiblingPolicy.merge(merging, { attachments }))
        if (attachments === "fail") {
          const { reason } = isDeferred(outcome)
          assert.deepStrictEqual(reason._tag === "Overlap" && reason.paths.map(({ path }) => path), [
            "_attachments.photo.jpg"
          ])
        } else {
          isResolved(outcome)
          assert.deepStrictEqual(yield* bytesOf(cards, "ada", "photo.jpg"), standing)
          assert.deepStrictEqual(Object.keys((yield* Document.fetch(cards, "ada")).attachments), ["photo.jpg"])
        }
      }
    }))

  it.scoped("an attachment that one side removed is gone, if the other left it alone", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      yield* conflicted(cards, "ada", [
        (card) => ({ ...card, seen: 11 }),
        (card) => ({ ...card, seen: 12 })
      ], { files: true })
      const { leaves } = yield* Conflict.siblings(cards, "ada")
      const [winner] = leaves
      if (winner?._tag !== "Live") return assert.fail("no winner")
      assert.deepStrictEqual(Object.keys(winner.document.attachments), ["shared.txt"])
      const rev = Option.getOrThrow(winner.document.rev)
      yield* raw("DELETE", `/${cards.database}/ada/shared.txt?rev=${rev}`)
      isResolved(yield* Conflict.resolve(cards, "ada", merging))
      const doc = yield* Document.fetch(cards, "ada")
      assert.deepStrictEqual(doc.attachments, {})
      assert.strictEqual(doc.body.seen, 13)
    }))

  it.scoped("without the ancestor a merge that would guess stays unresolved; a merge that needs no ancestor is made", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      yield* conflicted(cards, "ada", [(card) => ({ ...card, tags: ["a"] }), (card) => ({ ...card, tags: ["b"] })])
      const there = yield* newCards
      yield* copyLeaves(cards, there, "ada")
      const { reason } = isDeferred(yield* Conflict.resolve(there, "ada", merging))
      assert.strictEqual(reason._tag, "Unknown")
      assert.include(reason.why, "1-")
      const winning = SiblingPolicy.merge(merging).pipe(SiblingPolicy.orElse(SiblingPolicy.winner))
      assert.strictEqual((yield* Conflict.resolve(there, "ada", winning))._tag, "Unresolved")
      const lossy = isResolved(
        yield* Conflict.resolve(there, "ada", SiblingPolicy.merge(merging, { missingBase: "merge" }))
      )
      assert.deepStrictEqual(lossy.withoutBase, [["seen"], ["tags"]])
      assert.deepStrictEqual([...(yield* Document.fetch(there, "ada")).body.tags].sort(), ["a", "b"])

      const Grown = Schema.Struct({ tags: Schema.Array(Schema.String).pipe(Merge.annotate(Merge.union)) })
      const grown = Collection.make((yield* newCards).database, Grown)
      yield* raw("POST", `/${grown.database}/_bulk_docs`, {
        new_edits: false,
        docs: ["a", "b"].map((letter) => ({
          _id: "g",
          _rev: `2-${letter.repeat(32)}`,
          _revisions: { start: 2, ids: [letter.repeat(32), "0".repeat(32)] },
          tags: [letter]
        }))
      })
      isResolved(yield* Conflict.resolve(grown, "g", Merge.make(Grown)))
      assert.deepStrictEqual((yield* Document.fetch(grown, "g")).body.tags, ["a", "b"])
    }))

  it.scoped("leaves a version unresolved that cannot be decoded, and never discards it", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      const [one] = yield* conflicted(cards, "ada", [
        (card) => ({ ...card, seen: 11 }),
        (card) => ({ ...card, seen: 12 })
      ])
      yield* raw("PUT", `/${cards.database}/ada?rev=${one}`, { name: "ada", seen: "often", tags: [] })
      const before = yield* leavesOf(cards, "ada")
      const { reason, versions } = isDeferred(yield* Conflict.resolve(cards, "ada", SiblingPolicy.winner))
      assert.strictEqual(reason._tag, "Unreadable")
      assert.sameMembers(versions.map(({ _tag }) => _tag), ["Live", "Unreadable"])
      assert.deepStrictEqual(yield* leavesOf(cards, "ada"), before)
    }))

  it.scoped("a deletion against an edit: the edit wins, or the deletion, or the deletion of what was not edited", () =>
    Effect.gen(function*() {
      const scene = (edit: (card: Card) => Card) =>
        Effect.gen(function*() {
          const cards = yield* newCards
          const [, two] = yield* conflicted(cards, "ada", [(card) => ({ ...card, seen: 11 }), edit])
          // The other side is deleted.
          const first = (yield* Conflict.siblings(cards, "ada")).leaves.find(({ path }) => path[0] !== two)
          yield* raw("DELETE", `/${cards.database}/ada?rev=${first?.path[0]}`)
          return cards
        })
      const edited = yield* scene((card) => ({ ...card, name: "edited" }))
      assert.strictEqual((yield* Conflict.resolve(edited, "ada", merging))._tag, "NothingToDo")
      const cautious = SiblingPolicy.merge(merging, { deleted: "deleteWinsIfBase" })
      assert.strictEqual((yield* Conflict.resolve(edited, "ada", cautious))._tag, "NothingToDo")
      assert.strictEqual((yield* Document.fetch(edited, "ada")).body.name, "edited")
      const strict = SiblingPolicy.merge(merging, { deleted: "deleteWins" })
      const gone = isResolved(yield* Conflict.resolve(edited, "ada", strict))
      assert.deepStrictEqual(gone.document, Option.none())
      assert.isFalse(yield* Document.exists(edited, "ada"))
      const kept = (yield* leavesOf(edited, "ada")).map(({ lineage }) => lineage?.doc["name"])
      assert.include(kept, "edited")
      assert.strictEqual((yield* Conflict.resolve(edited, "ada", strict))._tag, "NothingToDo")

      const same = yield* scene((card) => ({ ...card, seen: 11 }))
      isResolved(yield* Conflict.resolve(same, "ada", cautious))
      assert.isFalse(yield* Document.exists(same, "ada"))
    }))

  it.scoped("a document that was created again after its deletion is not deleted again", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      yield* conflicted(cards, "ada", [(card) => ({ ...card, seen: 11 }), (card) => ({ ...card, seen: 12 })])
      for (const leaf of (yield* Conflict.siblings(cards, "ada")).leaves) {
        yield* raw("DELETE", `/${cards.database}/ada?rev=${leaf.path[0]}`)
      }
      yield* Document.create(cards, "ada", { name: "again", seen: 0, tags: [] })
      const strict = SiblingPolicy.merge(merging, { deleted: "deleteWins" })
      assert.strictEqual((yield* Conflict.resolve(cards, "ada", strict))._tag, "NothingToDo")
      assert.strictEqual((yield* Document.fetch(cards, "ada")).body.name, "again")
    }))

  it.scoped("a validation function that refuses the merge leaves every version as it was", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      yield* conflicted(cards, "ada", [(card) => ({ ...card, seen: 11 }), (card) => ({ ...card, seen: 12 })])
      yield* raw("PUT", `/${cards.database}/_design/rules`, {
        language: "javascript",
        validate_doc_update: "function (doc) { if (doc.seen === 13) throw { forbidden: 'thirteen' } }"
      })
      const before = yield* leavesOf(cards, "ada")
      const { reason } = isDeferred(yield* Conflict.resolve(cards, "ada", merging))
      assert.strictEqual(reason._tag === "Refused" && reason.error._tag, "ForbiddenError")
      assert.include(reason._tag === "Refused" ? reason.error.message : "", "thirteen")
      assert.deepStrictEqual(yield* leavesOf(cards, "ada"), before)
    }))

  it.scoped("a hundred siblings become one, with the files of all of them, and one that comes late counts once", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      const created = docOf(yield* raw("PUT", `/${cards.database}/ada`, { name: "ada", seen: 10, tags: [] }))
      const sibling = (i: number) => {
        const hash = i.toString(16).padStart(32, "0")
        return {
          _id: "ada",
          _rev: `2-${hash}`,
          _revisions: { start: 2, ids: [hash, String(created["rev"]).slice(2)] },
          name: "ada",
          seen: 11,
          tags: [`t${i}`],
          ...(i % 20 === 0 &&
            { _attachments: { [`file ${i}`]: { content_type: "text/plain", data: btoa(`file ${i} `.repeat(20)) } } })
        }
      }
      const all = Array.from({ length: 100 }, (_, i) => sibling(i))
      yield* raw("POST", `/${cards.database}/_bulk_docs`, { new_edits: false, docs: all })
      const resolved = isResolved(yield* Conflict.resolve(cards, "ada", merging))
      assert.lengthOf(resolved.deleted, 99)
      const doc = yield* Document.fetch(cards, "ada")
      assert.strictEqual(doc.body.seen, 110)
      assert.lengthOf(doc.body.tags, 100)
      assert.sameMembers(Object.keys(doc.attachments), [0, 20, 40, 60, 80].map((i) => `file ${i}`))
      assert.strictEqual(new TextDecoder().decode(yield* bytesOf(cards, "ada", "file 40")), "file 40 ".repeat(20))
      assert.deepStrictEqual((yield* Document.conflicts(doc)).conflicts, [])
      // An edit of one that was merged, and one that nobody saw.
      const [one] = all
      const late = [
        { ...sibling(900), seen: 1010 },
        {
          ...sibling(901),
          seen: 111,
          _rev: `3-${"9".repeat(32)}`,
          _revisions: { start: 3, ids: ["9".repeat(32), ...one?._revisions.ids ?? []] }
        }
      ]
      yield* raw("POST", `/${cards.database}/_bulk_docs`, { new_edits: false, docs: late })
      isResolved(yield* Conflict.resolve(cards, "ada", merging))
      assert.strictEqual((yield* Document.fetch(cards, "ada")).body.seen, 110 + 1000 + 100)
    }))

  it.scoped("what is not there, and what is deleted", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      assert.strictEqual((yield* Effect.flip(Conflict.resolve(cards, "nobody", merging)))._tag, "NotFoundError")
      assert.strictEqual((yield* Effect.flip(Conflict.resolve(cards, "_x", merging)))._tag, "InvalidIdError")
      const doc = yield* Document.create(cards, "ada", { name: "a", seen: 0, tags: [] })
      assert.strictEqual((yield* cards.pipe(Conflict.resolve("ada", merging)))._tag, "NothingToDo")
      yield* Document.delete(doc)
      assert.strictEqual((yield* Conflict.resolve(cards, "ada", merging))._tag, "NothingToDo")
    }))

  it.scoped("stream finds every document with siblings; sweep resolves them, reports its progress, and resumes", () =>
    Effect.gen(function*() {
      const cards = yield* newCards
      for (let i = 0; i < 7; i++) {
        yield* conflicted(cards, `card-${i}`, [
          (card) => ({ ...card, seen: 11, name: i === 3 ? "one" : card.name }),
          (card) => ({ ...card, seen: 12, name: i === 3 ? "two" : card.name })
        ])
        yield* Document.create(cards, `plain-${i}`, { name: "p", seen: 0, tags: [] })
      }
      yield* raw("PUT", `/${cards.database}/_design/d`, {})
      const found = yield* Stream.runCollect(Conflict.stream(cards))
      assert.deepStrictEqual(
        Chunk.toReadonlyArray(found).map(({ id }) => id).sort(),
        [0, 1, 2, 3, 4, 5, 6].map((i) => `card-${i}`)
      )
      for (const { leaves } of found) assert.deepStrictEqual(leaves.map(({ _tag }) => _tag), ["Live", "Live"])

      const started = Chunk.toReadonlyArray(
        yield* Conflict.sweep(cards, merging, { pageSize: 4 }).pipe(
          Stream.takeUntil((event) => event._tag === "Progress"),
          Stream.runCollect
        )
      )
      const paused = started[started.length - 1]
      if (paused?._tag !== "Progress") return assert.fail("no progress")
      assert.strictEqual(paused.scanned, 4)
      const rest = Chunk.toReadonlyArray(
        yield* Stream.runCollect(Conflict.sweep(cards, merging, { since: paused.since, pageSize: 4 }))
      )
      const summary = rest[rest.length - 1]
      if (summary?._tag !== "Summary") return assert.fail("no summary")
      assert.strictEqual(summary.resolved + paused.resolved, 6)
      const outcomes = [...started, ...rest].flatMap((event) => event._tag === "Outcome" ? [event.resolution] : [])
      assert.deepStrictEqual(outcomes.filter(({ _tag }) => _tag === "Unresolved").map(({ id }) => id), ["card-3"])
      const left = yield* Stream.runCollect(Conflict.stream(cards))
      assert.deepStrictEqual(Chunk.toReadonlyArray(left).map(({ id }) => id), ["card-3"])
      assert.strictEqual((yield* Document.fetch(cards, "card-5")).body.seen, 13)
    }))
}
