import { assert, describe, it } from "@effect/vitest"
import { Attachment, Conflict, Document, Merge, SiblingPolicy, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import {
  blank,
  carry,
  carryVersion,
  embedded,
  fork,
  id,
  leaves,
  live,
  merging,
  type Poll,
  type Polls,
  polls,
  raw
} from "../support/manySiblings.js"

/** Sibling i of a poll, which votes once. */
const voted = (i: number) => (poll: Poll): Poll => ({ ...poll, votes: poll.votes + 1, voters: [`voter ${i}`] })

const siblings = (cards: Polls, howMany: number) =>
  Effect.gen(function*() {
    const first = yield* Document.create(cards, id, blank(1))
    for (let i = 0; i < howMany; i++) yield* fork(first, voted(i))
    return first
  })

const text = (cards: Polls, name: string) =>
  Effect.map(raw("GET", `/${cards.database}/${id}/${encodeURIComponent(name)}`), Transport.text)

for (const lineage of [false, true]) {
  describe(`many siblings ${lineage ? "with" : "without"} lineage`, () => {
    it.effect("bring their attachments along, each with its bytes", () =>
      embedded(Effect.gen(function*() {
        const here = yield* polls("here", lineage)
        const there = yield* polls("there", lineage)
        const first = yield* siblings(here, 80)
        const { leaves: forks } = yield* Conflict.siblings(here, id)
        // One of their own, one that all of them have alike, and one of a name that says something else in each.
        for (const [i, leaf] of forks.entries()) {
          if (leaf._tag !== "Live" || i % 4 !== 0) continue
          const own = yield* Attachment.put(leaf.document, `own ${i}`, {
            contentType: "text/plain",
            bytes: `own ${i} `.repeat(9)
          })
          const alike = yield* Attachment.put(own, "alike", { contentType: "text/plain", bytes: "alike ".repeat(9) })
          if (i % 8 === 0) {
            yield* Attachment.put(alike, "minutes.txt", { contentType: "text/plain", bytes: `minutes ${i}` })
          }
        }
        yield* carryVersion(here, there, yield* Document.revision(first))
        yield* carry(here, there, (all) => [...all].reverse())
        for (const each of [here, there]) {
          assert.strictEqual((yield* Conflict.resolve(each, id, merging))._tag, "Resolved")
        }
        const doc = yield* Document.fetch(here, id)
        assert.strictEqual(doc.body.votes, 80)
        const names = Object.keys(doc.attachments)
        assert.lengthOf(names, 20 + 1 + 10)
        for (let i = 0; i < 80; i += 4) assert.strictEqual(yield* text(here, `own ${i}`), `own ${i} `.repeat(9))
        assert.strictEqual(yield* text(here, "alike"), "alike ".repeat(9))
        const said = yield* Effect.forEach(
          names.filter((name) => name.startsWith("minutes")),
          (name) => text(here, name)
        )
        assert.sameMembers(said, Array.from({ length: 10 }, (_, i) => `minutes ${8 * i}`))
        assert.deepStrictEqual(
          (yield* leaves(there)).map(({ _rev }) => _rev),
          (yield* leaves(here)).map(({ _rev }) => _rev)
        )
        assert.strictEqual((yield* Conflict.resolve(here, id, merging))._tag, "NothingToDo")
      })))

    it.effect("outlive the deletions among them, or follow these, by the rule", () =>
      embedded(Effect.gen(function*() {
        for (const deleted of ["editWins", "deleteWins"] as const) {
          const cards = yield* polls(deleted.toLowerCase(), lineage)
          yield* siblings(cards, 150)
          const { leaves: forks } = yield* Conflict.siblings(cards, id)
          for (const [i, leaf] of forks.entries()) {
            if (leaf._tag === "Live" && i % 3 === 0) yield* Document.delete(leaf.document)
          }
          const policy = SiblingPolicy.merge(merging, { deleted })
          assert.strictEqual((yield* Conflict.resolve(cards, id, policy))._tag, "Resolved")
          if (deleted === "editWins") {
            assert.lengthOf(yield* live(cards), 1)
            // With lineage a deletion keeps the edit that it deleted.
            assert.strictEqual((yield* Document.fetch(cards, id)).body.votes, lineage ? 150 : 100)
          } else assert.lengthOf(yield* live(cards), 0)
          assert.strictEqual((yield* Conflict.resolve(cards, id, policy))._tag, "NothingToDo")
        }
      })))

    it.effect(
      "of unrelated histories merge if no base is needed, and stay unresolved otherwise",
      () =>
        embedded(Effect.gen(function*() {
          const cards = yield* polls("office", lineage)
          const rooted = (i: number, body: object) => {
            const hash = i.toString(16).padStart(32, "0")
            return { _id: id, _rev: `1-${hash}`, _revisions: { start: 1, ids: [hash] }, ...body }
          }
          const same = { votes: 7, minutes: "", chair: "ada" }
          yield* raw("POST", `/${cards.database}/_bulk_docs`, {
            new_edits: false,
            docs: Array.from({ length: 100 }, (_, i) => rooted(i, { ...same, voters: [`voter ${i}`] }))
          })
          const grown = Merge.make(cards, { voters: Merge.union })
          const policy = SiblingPolicy.merge(grown, { missingBase: "merge" })
          assert.strictEqual((yield* Conflict.resolve(cards, id, policy))._tag, "Resolved")
          const { body } = yield* Document.fetch(cards, id)
          // With lineage it is certain that they have nothing in common, so that each counts from nothing.
          assert.strictEqual(body.votes, lineage ? 700 : 7)
          assert.lengthOf(body.voters, 100)

          const others = yield* polls("others", lineage)
          yield* raw("POST", `/${others.database}/_bulk_docs`, {
            new_edits: false,
            docs: Array.from({ length: 40 }, (_, i) => rooted(i, { ...same, chair: `chair ${i}`, voters: [] }))
          })
          const before = yield* live(others)
          const outcome = yield* Conflict.resolve(others, id, merging)
          assert.strictEqual(outcome._tag, "Unresolved")
          assert.deepStrictEqual(yield* live(others), before)
        }))
    )
  })
}

describe("many siblings with lineage", () => {
  it.effect(
    "that were all but one deleted become one that knows of each deletion",
    () =>
      embedded(Effect.gen(function*() {
        const cards = yield* polls("office", true)
        yield* siblings(cards, 200)
        const { leaves: [, ...losers] } = yield* Conflict.siblings(cards, id)
        for (const leaf of losers) if (leaf._tag === "Live") yield* Document.delete(leaf.document)
        assert.strictEqual((yield* Conflict.resolve(cards, id, merging))._tag, "Resolved")
        assert.strictEqual((yield* Document.fetch(cards, id)).body.votes, 200)
        assert.strictEqual((yield* Conflict.resolve(cards, id, merging))._tag, "NothingToDo")
      }))
  )
})
