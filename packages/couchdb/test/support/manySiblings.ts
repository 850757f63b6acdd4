import type { Revision } from "effect-couchdb"
import { Collection, Conflict, CouchHttp, Database, Document, Lineage, Merge, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { interceptedClient } from "./transport.js"

/** What an edit leaves a trace of in each member: a vote, a name, and a line of its own. */
export const Poll = Schema.Struct({
  votes: Merge.Counter,
  voters: Schema.Array(Schema.String).pipe(Merge.annotate(Merge.set)),
  minutes: Schema.String.pipe(Merge.annotate(Merge.text("line"))),
  chair: Schema.String
})
export type Poll = typeof Poll.Type
export type Polls = Collection.Collection<Poll, typeof Poll.Encoded>

export const merging = Merge.make(Poll)

export const id = "poll"

/** A poll collection in a database of its own. */
export const polls = (database: string, lineage: boolean): Effect.Effect<Polls, unknown, CouchHttp.CouchHttp> =>
  Effect.as(
    Database.create(database),
    Collection.make(database, Poll, lineage ? { lineage: Lineage.settings() } : {})
  )

export const raw = (method: CouchHttp.CouchRequest["method"], path: string, body?: unknown) =>
  Effect.flatMap(
    CouchHttp.CouchHttp,
    (couch) => couch.execute({ method, path, route: path, ...(body !== undefined && { body: JSON.stringify(body) }) })
  )

/** The i-th edit. It changes only some lines of the minutes, which takes a diff each. */
export const vote = (i: number, lines = 1) => (poll: Poll): Poll => ({
  ...poll,
  votes: poll.votes + 1,
  voters: [...poll.voters, `voter ${i}`],
  minutes: i % lines !== 0 ? poll.minutes : poll.minutes.replace(`line ${i / lines}.\n`, `line ${i / lines}, edited.\n`)
})

/** A poll before any vote, with a line that nobody edits between two that somebody does. */
export const blank = (howMany: number, lines = 1): Poll => ({
  votes: 0,
  voters: [],
  minutes: Array.from({ length: Math.ceil(howMany / lines) }, (_, i) => `line ${i}.\nbetween\n`).join(""),
  chair: "nobody"
})

/** A version beside the others, made of the one that is given. */
export const fork = (over: Document.Document<Poll>, edit: (poll: Poll) => Poll) =>
  Document.save(Document.modify(over, edit)).pipe(Effect.catchTag("ConflictError", Conflict.fork))

/** A poll with so many siblings, each by one edit of its first version. */
export const withSiblings = (cards: Polls, howMany: number, lines = 1) =>
  Effect.gen(function*() {
    const first = yield* Document.create(cards, id, blank(howMany, lines))
    for (let i = 0; i < howMany; i++) yield* fork(first, vote(i, lines))
    return first
  })

export interface RawLeaf {
  readonly _id: string
  readonly _rev: string
  readonly _deleted?: boolean
  readonly votes?: number
}

/** Every leaf as the server has it, ordered by revision. */
export const leaves = (cards: Polls, document = id) =>
  Effect.map(
    raw("GET", `/${cards.database}/${document}?open_revs=all&revs=true&attachments=true`),
    (response) =>
      (JSON.parse(Transport.text(response)) as ReadonlyArray<{ readonly ok: RawLeaf }>).map(({ ok }) => ok)
        .sort((a, b) => a._rev < b._rev ? -1 : 1)
  )

export const live = (cards: Polls, document = id) =>
  Effect.map(leaves(cards, document), (all) => all.filter(({ _deleted }) => _deleted !== true))

/** Carries leaves over as replication does, in the order and as far as `choose` says. */
export const carry = (
  from: Polls,
  to: Polls,
  choose: (leaves: ReadonlyArray<RawLeaf>) => ReadonlyArray<RawLeaf> = (all) => all
) =>
  Effect.flatMap(
    leaves(from),
    (all) => raw("POST", `/${to.database}/_bulk_docs`, { new_edits: false, docs: choose(all) })
  )

/** A version as the server has it. */
export const version = (cards: Polls, rev: Revision.Revision) =>
  Effect.map(
    raw("GET", `/${cards.database}/${id}?rev=${rev}&revs=true`),
    (response) => JSON.parse(Transport.text(response)) as RawLeaf
  )

/** Carries a version over that is no leaf any more, as a replica has it that saw it before. */
export const carryVersion = (from: Polls, to: Polls, rev: Revision.Revision) =>
  Effect.flatMap(
    version(from, rev),
    (doc) => raw("POST", `/${to.database}/_bulk_docs`, { new_edits: false, docs: [doc] })
  )

/** What every edit but those that are left out makes of a poll. */
export const expected = (howMany: number, lines = 1) => ({
  votes: howMany,
  voters: Array.from({ length: howMany }, (_, i) => `voter ${i}`).sort(),
  edited: Math.ceil(howMany / lines)
})

export const tally = ({ minutes, voters, votes }: Poll) => ({
  votes,
  voters: [...voters].sort(),
  edited: minutes.split(", edited.").length - 1
})

/** Runs on an embedded server of its own. */
export const embedded = <A, E>(effect: Effect.Effect<A, E, CouchHttp.CouchHttp>): Effect.Effect<A, E> =>
  Effect.provide(effect, CouchHttp.layer({ url: "http://embedded" }).pipe(Layer.provide(EmbeddedCouch.layer())))

/** Runs on an embedded server of its own, and counts the requests; from one on, none is answered any more. */
export const dying = Effect.gen(function*() {
  const left = yield* Ref.make(Infinity)
  const { layer } = yield* interceptedClient((request, _, pass) =>
    Effect.flatMap(Ref.updateAndGet(left, (n) => n - 1), (n) => n >= 0 ? pass(request) : Effect.interrupt)
  )
  return {
    layer,
    /** How the effect ends where the process dies after so many requests; `true` where it came to its end before. */
    until: <A, E>(requests: number, effect: Effect.Effect<A, E, CouchHttp.CouchHttp>) =>
      Ref.set(left, requests).pipe(
        Effect.zipRight(Effect.exit(effect)),
        Effect.tap(() => Ref.set(left, Infinity)),
        Effect.map((exit) => exit._tag === "Success")
      )
  }
})
