import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { DatabaseName } from "../../data/DatabaseName.js"
import * as Json from "../../data/Json.js"
import { documentPath } from "../../data/path.js"
import * as Revision from "../../data/Revision.js"
import type { CouchHttp, FromServer, ReadDocument, ReadJson } from "../CouchHttp.js"
import { NotFoundError, type RequestError } from "../errors.js"
import type { BufferedResponse } from "../Transport.js"
import { isBulkGet } from "../verification.js"
import type { WireError } from "./errors.js"
import { post } from "./post.js"
import { rowFailure } from "./rowFailure.js"

interface Leaf extends ReadJson {
  readonly rev: Revision.Revision
  readonly deleted: boolean
}

/** Whether a leaf precedes another in CouchDB's order, in which the winner is first. */
const wins = (self: Leaf, that: Leaf): boolean =>
  self.deleted === that.deleted ? Revision.Order(self.rev, that.rev) > 0 : that.deleted

const leafOf = (exact: Json.Json | undefined, plain: Json.Json | undefined): Leaf | undefined => {
  const rev = Json.get(plain, "_rev")
  return exact !== undefined && Revision.isRevision(rev)
    ? { exact, plain, rev, deleted: Json.get(plain, "_deleted") === true }
    : undefined
}

const winnerIn = (exact: Json.Json | undefined, plain: Json.Json | undefined): Leaf | undefined => {
  const docs = Json.elements(Json.get(exact, "docs"))
  const plainDocs = exact === plain ? docs : Json.elements(Json.get(plain, "docs"))
  let winner: Leaf | undefined
  for (let i = 0; i < docs.length; i++) {
    const leaf = leafOf(Json.get(docs[i], "ok"), Json.get(plainDocs[i], "ok"))
    if (leaf !== undefined && (winner === undefined || wins(leaf, winner))) winner = leaf
  }
  return winner
}

/** The error of a document that exists but could not be read. */
const failureIn = (
  database: DatabaseName,
  row: Json.Json,
  response: BufferedResponse & FromServer
): WireError | undefined => {
  const problem = Json.elements(Json.get(row, "docs")).map((doc) => Json.get(doc, "error")).find((error) =>
    error !== undefined
  )
  const id = Json.get(row, "id")
  return problem === undefined || typeof id !== "string" ? undefined : rowFailure(database, id, problem, response)
}

/** Reads the winners of documents of one database, with the results of single reads: one `_bulk_get`. */
export const readWinners = (
  reads: ReadonlyArray<ReadDocument>
): Effect.Effect<ReadonlyArray<Either.Either<ReadJson, NotFoundError | RequestError>>, WireError, CouchHttp> => {
  const [first] = reads
  if (first === undefined) return Effect.succeed([])
  const { database } = first
  const ids = Array.from(new Set<string>(reads.map(({ id }) => id)))
  return Effect.map(
    post(database, "_bulk_get", "", { docs: ids.map((id) => ({ id })) }, (json) => isBulkGet(json, ids)),
    ({ exact, plain, response }) => {
      const rows = Json.elements(Json.get(exact, "results"))
      const plainRows = exact === plain ? rows : Json.elements(Json.get(plain as Json.Json, "results"))
      const winners = new Map(rows.map((row, i) => [Json.get(row, "id"), winnerIn(row, plainRows[i])]))
      const failures = new Map(rows.map((row) => [Json.get(row, "id"), failureIn(database, row, response)]))
      return reads.map(({ id }) => {
        const winner = winners.get(id)
        const failure = failures.get(id)
        if (winner === undefined && failure !== undefined) return Either.left(failure)
        return winner !== undefined && !winner.deleted ? Either.right(winner) : Either.left(
          new NotFoundError({
            ...(response.server !== undefined && { server: response.server }),
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
