/**
 * Chapter 6: many writers of one document, and the result of their edits.
 */
import { Array, type Duration, Effect, Schema } from "effect"
import { Collection, Conflict, Document } from "effect-couchdb"
import { Traffic } from "../server.js"
import * as Terminal from "../terminal.js"

const Poll = Schema.Struct({ votes: Schema.Number, voters: Schema.Array(Schema.String) })
type Poll = typeof Poll.Type

const writers = Array.makeBy(32, (n) => `writer-${String(n + 1).padStart(2, "0")}`)

/** The edit of each writer: one more vote, and the writer's name. */
const voteAs = (name: string) => (poll: Poll): Poll => ({ votes: poll.votes + 1, voters: [...poll.voters, name] })

const together = { concurrency: "unbounded" } as const

/** All writers read before the first write, so only the first write is based on the current revision. */
const drafts = (polls: Collection.Collection<Poll, Poll>, id: string) =>
  Effect.forEach(
    writers,
    (name) => Effect.map(Document.fetch(polls, id), Document.modify(voteAs(name))),
    together
  )

/** Three ways to write 32 edits. Each returns the documents of its writers. */
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
              // Another writer may write in between, so this repeats until the write succeeds.
              Effect.retry(Conflict.overwrite(conflict), { while: (error) => error._tag === "ConflictError" }))
          ), together)
      )
  },
  {
    name: "re-apply",
    run: (id: string) => Effect.forEach(writers, (name) => Document.update(polls, id, voteAs(name)), together)
  }
]

/** The stored document, and the cost of the writes. */
interface Outcome {
  readonly stored: Poll
  readonly saved: number
  readonly conflicts: number
  readonly requests: number
  readonly took: Duration.Duration
}

/** One cell for each writer, full if the document contains the writer's name. */
const cells = ({ voters }: Poll): string =>
  writers.map((name) => voters.includes(name) ? Terminal.good("█") : Terminal.dim("·")).join("")

/** The columns after the name and the cells. */
const figures = [
  { title: "votes", width: 7, of: ({ stored }: Outcome) => String(stored.votes) },
  { title: "saved", width: 6, of: ({ saved }: Outcome) => String(saved) },
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
    yield* Terminal.section(6, `Contention: ${writers.length} writers, one document, one edit each`)
    yield* Terminal.remark(
      "Each writer adds a vote and a name to the same poll, all at the same time. Each cell is the edit of one writer."
    )
    yield* Terminal.row(Terminal.dim(line("", " ".repeat(writers.length), ({ title }) => title)))

    for (const { name, run } of ways(polls)) {
      yield* Document.create(polls, name, { votes: 0, voters: [] })
      const { conflicts, requests, took, value } = yield* measure(run(name))
      const { body } = yield* Document.fetch(polls, name)
      const saved = value.filter((doc) => !Document.isDirty(doc)).length
      const outcome: Outcome = { stored: body, saved, conflicts, requests, took }
      yield* Terminal.row(line(name, cells(body), ({ of }) => of(outcome)))
    }

    yield* Terminal.say(
      "votes: in the stored document. saved: writers whose save succeeded. sent: requests, including 409s."
    )
    yield* Terminal.remark(
      "With ignore, a refused edit stays in the unsaved document of its writer. With overwrite, each save succeeds and " +
        "removes the previous edit. Document.update reads again, and applies the edit to the current document."
    )
  })
