/**
 * Chapters 1 and 2: rows become documents, and invalid rows are stored separately.
 */
import { Array, Effect } from "effect"
import { Collection, Document } from "effect-couchdb"
import * as Schema from "effect/Schema"
import { readFile } from "node:fs/promises"
import { byReason, decodeRow, Movie, MoviesFile, type Rejected, Row, rowKey, withKeys } from "../movies.js"
import { Traffic } from "../server.js"
import * as Terminal from "../terminal.js"

const concurrency = 16

const readRows = Effect.promise(() => readFile(new URL("../data/movies.json", import.meta.url), "utf8")).pipe(
  Effect.flatMap(Schema.decode(MoviesFile))
)

/** One database with two collections: the movies, and the rows that need to be fixed. */
const moviesOf = (database: string) => Collection.make(database, Movie, { id: Collection.prefixed("movie:") })

const asideOf = (database: string) => Collection.make(database, Row, { id: Collection.prefixed("aside:") })

export const load = (database: string) =>
  Effect.gen(function*() {
    const { measure } = yield* Traffic
    const rows = yield* readRows
    yield* Terminal.section(1, `Load: ${Terminal.count(rows.length)} rows, through a schema, into documents`)

    const [rejected, movies] = Array.separate(rows.map(decodeRow))
    const collection = moviesOf(database)
    const { requests, took } = yield* measure(Terminal.forEachShown(
      withKeys(movies),
      ([key, movie]) => Document.create(collection, key, movie),
      { concurrency, unit: "movies" }
    ))
    yield* Terminal.say(
      `${Terminal.count(movies.length)} movies written in ${Terminal.time(took)}, one request each ` +
        `(${Terminal.count(requests)}), ${concurrency} at a time.`
    )
    yield* Terminal.remark(
      "Each is created, not overwritten: two rows with the same id are a conflict, and neither is lost silently."
    )
    return rejected
  })

const examples = 3

export const explain = (database: string, rejected: ReadonlyArray<Rejected>) =>
  Effect.gen(function*() {
    yield* Terminal.section(2, `${rejected.length} rows do not decode, for these reasons`)
    const reasons = byReason(rejected)
    for (const { cases, column, expected } of reasons) {
      yield* Terminal.row(
        `${String(cases.length).padStart(2)} × ${Terminal.bold(column.padEnd(17))} expected ${expected}`
      )
      const shown = cases.slice(0, examples).map(({ number, value }) => `${number} ${JSON.stringify(value)}`)
      const more = cases.length > examples ? `; ${cases.length - examples} more` : ""
      yield* Terminal.remark(`${cases.length === 1 ? "row" : "rows"} ${shown.join(", ")}${more}`, "     ")
    }

    const aside = asideOf(database)
    yield* Effect.forEach(rejected, (one) => Document.create(aside, rowKey(one), one.row), {
      concurrency,
      discard: true
    })
    yield* Terminal.say(
      "A row with two reasons counts twice. No row is discarded: each is stored unchanged as aside:row-…, to be fixed."
    )

    const first = rejected[0]
    if (first === undefined) return
    const asMovies = Collection.make(database, Movie, { id: Collection.prefixed("aside:") })
    const error = yield* Document.fetch(asMovies, rowKey(first)).pipe(
      Effect.zipRight(Effect.dieMessage("a rejected row was read as a movie")),
      Effect.catchTag("DecodeError", Effect.succeed)
    )
    yield* Terminal.remark(
      "A program that fetches one as a movie gets a DecodeError. It contains the path and never the value, so it can be logged " +
        "safely:"
    )
    yield* Terminal.quote(error.message)
  })
