import { assert, describe, it } from "@effect/vitest"
import { Conflict, Document, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import { blank, carry, embedded, id, live, merging, type Polls, polls, raw, version } from "../support/manySiblings.js"
import { interceptedClient, requests } from "../support/transport.js"

/** Edits the winner a number of times, as a program without lineage does. */
const strangers = (cards: Polls, times: number) =>
  Effect.gen(function*() {
    for (let i = 0; i < times; i++) {
      const doc = JSON.parse(Transport.text(yield* raw("GET", `/${cards.database}/${id}`))) as { votes: number }
      yield* raw("PUT", `/${cards.database}/${id}`, { ...doc, votes: doc.votes + 1 })
    }
  })

describe("edits by programs that know no lineage", () => {
  for (const times of [3, 16, 17, 40]) {
    it.effect(`${times} in a row merge with an edit made apart from them`, () =>
      embedded(Effect.gen(function*() {
        const here = yield* polls("here", true)
        const there = yield* polls("there", true)
        const first = yield* Document.create(here, id, blank(1))
        const rev = yield* Document.revision(first)
        yield* raw("POST", `/${there.database}/_bulk_docs`, { new_edits: false, docs: [yield* version(here, rev)] })
        yield* Document.update(there, id, (poll) => ({ ...poll, votes: poll.votes + 1000 }))
        yield* strangers(here, times)
        yield* carry(there, here)
        assert.strictEqual((yield* Conflict.resolve(here, id, merging))._tag, "Resolved")
        assert.lengthOf(yield* live(here), 1)
        assert.strictEqual((yield* Document.fetch(here, id)).body.votes, 1000 + times)
      })))
  }

  it.effect("a save over many of them reads back no more than it keeps", () =>
    Effect.flatMap(interceptedClient(), (on) =>
      Effect.gen(function*() {
        const here = yield* polls("here", true)
        yield* Document.create(here, id, blank(1))
        yield* strangers(here, 40)
        const [saved, sent] = yield* requests(
          on,
          Document.update(here, id, (poll) => ({ ...poll, votes: poll.votes + 1000 }))
        )
        assert.strictEqual(saved.body.votes, 1040)
        const read = sent.flatMap(({ body, path }) =>
          path.includes("_bulk_get") ? (JSON.parse(String(body)) as { docs: ReadonlyArray<unknown> }).docs : []
        )
        // The version itself, and as many before it as a journal holds.
        assert.isAtMost(read.length, 17)
      }).pipe(Effect.provide(on.layer))))
})
