/**
 * Chapter 6: many writers, one document, and what becomes of their edits.
 */
import { Array, type Duration, Effect, Schema } from "effect"
import { Collection, Conflict, Document } from "effect-couchdb"
import { Traffic } from "../server.js"
import * as Terminal from "../terminal.js"

const Poll = Schema.Struct({ votes: Schema.Number, voters: Schema.Array(Schema.String) })
type Poll = typeof Poll.Type

const writers = Array.makeBy(32, (n) => `writer-${String(n + 1).padStart(2, "0")}`)

/** The edit that each of them wants: one vote more, under her own name. */
const voteAs = (name: string) => (poll: Poll): Poll => ({ votes: poll.votes + 1, voters: [...poll.voters, name] })

const together = { concurrency: "unbounded" } as const

/** Everybody reads before anybody writes, so that only the first write finds what it read. */
const drafts = (polls: Collection.Collection<Poll, Poll>, id: string) =>
  Effect.forEach(
    writers,
    (name) => Effect.map(Document.fetch(polls, id), Document.modify(voteAs(name))),
    together
  )

/** Three ways to bring 32 edits home. Each gives the documents that its writers hold in the end. */
const ways = (polls: Collection.Collection<Poll, Poll>) => [
  {
    name: "ignore",
    run: (id: string) =>
      Effect.flatMap(
        drafts(polls, id),
        Effect.forEach(
          (draft) => Document.save(draft).pipe(Effect.catchTag("ConflictError", Conflict.ignore)),
          together
        )
      )
  },
  {
    name: "overwrite",
    run: (id: string) =>
      Effect.flatMap(
        drafts(polls, id),
        Effect.forEach((draft) =>
          Document.save(draft).pipe(
            Effect.catchTag("ConflictError", (conflict) =>
              // Somebody may be faster once more, so this goes on until it is written.
              Effect.retry(Conflict.overwrite(conflict), { while: (error) => error._tag === "ConflictError" }))
          ), together)
      )
  },
  {
    name: "re-apply",
    run: (id: string) => Effect.forEach(writers, (name) => Document.update(polls, id, voteAs(name)), together)
  }
]

/** What came of it: the document that the server has, and what it cost. */
interface Outcome {
  readonly stored: Poll
  readonly toldSaved: number
  readonly conflicts: number
  readonly requests: number
  readonly took: Duration.Duration
}

/** One cell for each writer, full where her name is in the document. */
const cells = ({ voters }: Poll): string =>
  writers.map((name) => voters.includes(name) ? Terminal.good("█") : Terminal.dim("·")).join("")

/** What stands in a row after its name and its cells. */
const figures = [
  { title: "in it", width: 7, of: ({ stored }: Outcome) => String(stored.votes) },
  { title: "saved", width: 6, of: ({ toldSaved }: Outcome) => String(toldSaved) },
  { title: "409s", width: 6, of: ({ conflicts }: Outcome) => String(conflicts) },
  { title: "sent", width: 6, of: ({ requests }: Outcome) => String(requests) },
  { title: "time", width: 9, of: ({ took }: Outcome) => Terminal.time(took) }
]

const line = (name: string, cells: string, figure: (column: (typeof figures)[number]) => string): string =>
  name.padEnd(10) + cells + figures.map((column) => figure(column).padStart(column.width)).join("")

export const fight = (database: string) =>
  Effect.gen(function*() {
    const { measure } = yield* Traffic
    const polls = Collection.make(database, Poll, { id: Collection.prefixed("poll:") })
    yield* Terminal.section(6, `The fight: ${writers.length} writers, one document, one edit each`)
    yield* Terminal.remark(
      "Each adds a vote and her name to the same poll, all at once. A cell is the edit of one of them."
    )
    yield* Terminal.row(Terminal.dim(line("", " ".repeat(writers.length), ({ title }) => title)))

    for (const { name, run } of ways(polls)) {
      yield* Document.create(polls, name, { votes: 0, voters: [] })
      const { conflicts, requests, took, value } = yield* measure(run(name))
      const { body } = yield* Document.fetch(polls, name)
      const toldSaved = value.filter((doc) => !Document.isDirty(doc)).length
      const outcome: Outcome = { stored: body, toldSaved, conflicts, requests, took }
      yield* Terminal.row(line(name, cells(body), ({ of }) => of(outcome)))
    }

    yield* Terminal.say(
      "in it: votes in the stored document. saved: writers whose save succeeded. sent: requests, including 409s."
    )
    yield* Terminal.remark(
      "A writer that ignores a conflict still has the edit, and knows that it was not saved. The save of a writer that overwrites " +
        "succeeds, and the next one removes it. Document.update reads again, and applies the edit to the current document."
    )
  })
