import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { NotFoundError, type RequestError } from "../../CouchError.js"
import type { CouchHttp, ReadDocument, ReadJson } from "../../CouchHttp.js"
import type * as Json from "../../Json.js"
import * as Revision from "../../Revision.js"
import { documentPath } from "../documentPath.js"
import { member } from "../written.js"
import { list, post } from "./post.js"
import type { WireError } from "./wireError.js"

interface Leaf extends ReadJson {
  readonly rev: Revision.Revision
  readonly deleted: boolean
}

/** CouchDB's order, the winner first. */
const wins = (self: Leaf, that: Leaf): boolean =>
  self.deleted === that.deleted ? Revision.Order(self.rev, that.rev) > 0 : that.deleted

const leafOf = (exact: Json.Json | undefined, plain: Json.Json | undefined): Leaf | undefined => {
  const rev = member(plain, "_rev")
  return exact !== undefined && Revision.isRevision(rev)
    ? { exact, plain, rev, deleted: member(plain, "_deleted") === true }
    : undefined
}

const winnerIn = (exact: Json.Json | undefined, plain: Json.Json | undefined): Leaf | undefined => {
  const docs = list(member(exact, "docs"))
  const plainDocs = exact === plain ? docs : list(member(plain, "docs"))
  let winner: Leaf | undefined
  for (let i = 0; i < docs.length; i++) {
    const leaf = leafOf(member(docs[i], "ok"), member(plainDocs[i], "ok"))
    if (leaf !== undefined && (winner === undefined || wins(leaf, winner))) winner = leaf
  }
  return winner
}

/** The winners of documents of one database, as a read of each would give them: one `_bulk_get`. */
export const readWinners = (
  reads: ReadonlyArray<ReadDocument>
): Effect.Effect<ReadonlyArray<Either.Either<ReadJson, NotFoundError | RequestError>>, WireError, CouchHttp> => {
  const [first] = reads
  if (first === undefined) return Effect.succeed([])
  const { database } = first
  return Effect.map(
    post(database, "_bulk_get", "", { docs: Array.from(new Set(reads.map(({ id }) => id)), (id) => ({ id })) }),
    ({ exact, plain }) => {
      const rows = list(member(exact, "results"))
      const plainRows = exact === plain ? rows : list(member(plain as Json.Json, "results"))
      const winners = new Map(rows.map((row, i) => [member(row, "id"), winnerIn(row, plainRows[i])]))
      return reads.map(({ id }) => {
        const winner = winners.get(id)
        return winner !== undefined && !winner.deleted ? Either.right(winner) : Either.left(
          new NotFoundError({
            method: "GET",
            path: documentPath(database, id),
            status: 404,
            error: "not_found",
            reason: winner === undefined ? "missing" : "deleted",
            database,
            id
          })
        )
      })
    }
  )
}
