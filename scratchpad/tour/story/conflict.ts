/**
 * Chapter 5: a conflict in detail.
 */
import { Effect } from "effect"
import { Document } from "effect-couchdb"
import * as Terminal from "../terminal.js"
import { cardsOf } from "./edit.js"

export const conflict = (database: string) =>
  Effect.gen(function*() {
    const cards = cardsOf(database)
    yield* Terminal.section(5, "Two writers, one movie: a conflict")

    const forAnn = yield* Document.fetch(cards, "galaxy-quest-1999")
    const forBen = yield* Document.fetch(cards, "galaxy-quest-1999")
    yield* Terminal.remark("Ann and Ben read the same revision. Ann names the director, then Ben corrects the rating.")

    yield* Document.save(Document.modify(forAnn, (card) => ({ ...card, director: "Dean Parisot" })))
    yield* Terminal.say("Ann: saved")

    const error = yield* Document.save(Document.modify(forBen, (card) => ({ ...card, imdbRating: 7.4 }))).pipe(
      Effect.zipRight(Effect.dieMessage("a stale revision was saved")),
      Effect.catchTag("ConflictError", Effect.succeed)
    )
    yield* Terminal.say(`Ben: ${error._tag}`)
    yield* Terminal.quote(error.message)

    const stored = yield* Document.fetch(cards, "galaxy-quest-1999")
    yield* Terminal.say(`Stored: director ${stored.body.director}, rating ${stored.body.imdbRating}`)
    const { attempted } = error
    yield* Terminal.say(
      `In error.attempted: rating ${attempted.body.imdbRating}; edited paths: ` +
        Document.changedPaths(attempted).map((path) => path.join(".")).join(", ")
    )
    yield* Terminal.remark(
      "Neither edit is lost. Ben's program decides how to continue, and the error type requires that it does."
    )
  })
