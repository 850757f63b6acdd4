import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { NotFoundError, type RequestError } from "../../CouchError.js"
import type { CouchHttp, ReadDocument } from "../../CouchHttp.js"
import * as Json from "../../Json.js"
import * as Revision from "../../Revision.js"
import { documentPath } from "../documentPath.js"
import { member } from "../written.js"
import { list, post } from "./post.js"
import type { WireError } from "./wireError.js"

type Leaf = { readonly json: Json.Json; readonly rev: Revision.Revision; readonly deleted: boolean }

const byWinning = (self: Leaf, that: Leaf): number =>
  self.deleted === that.deleted ? -Revision.Order(self.rev, that.rev) : self.deleted ? 1 : -1

/** The winners of documents of one database as JSON text, as a read of each would give them: one `_bulk_get`. */
export const readTexts = (
  reads: ReadonlyArray<ReadDocument>
): Effect.Effect<ReadonlyArray<Either.Either<string, NotFoundError | RequestError>>, WireError, CouchHttp> => {
  const [first] = reads
  if (first === undefined) return Effect.succeed([])
  const { database } = first
  return Effect.map(
    post(database, "_bulk_get", "", { docs: Array.from(new Set(reads.map(({ id }) => id)), (id) => ({ id })) }),
    ({ exact }) => {
      const leaves = new Map<Json.Json | undefined, ReadonlyArray<Leaf>>(
        list(member(exact, "results")).map((row) => [
          member(row, "id"),
          list(member(row, "docs")).flatMap((doc): ReadonlyArray<Leaf> => {
            const json = member(doc, "ok")
            const rev = member(json, "_rev")
            return json !== undefined && Revision.isRevision(rev)
              ? [{ json, rev, deleted: member(json, "_deleted") === true }]
              : []
          }).sort(byWinning)
        ])
      )
      return reads.map(({ id }) => {
        const winner = leaves.get(id)?.[0]
        return winner !== undefined && !winner.deleted ? Either.right(Json.stringify(winner.json)) : Either.left(
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
