import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Json from "../data/Json.js"
import { documentPath } from "../data/path.js"
import type { Collection } from "../document/Collection.js"
import { owns } from "../document/idRange.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { CouchHttp, type CouchRequest } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import { executeDecoded } from "../http/executeDecoded.js"
import { jsonOf } from "../http/verification.js"

/** A page of changes, and the documents in it that have more than one leaf revision. */
export interface Page {
  readonly since: string
  readonly scanned: number
  readonly pending: number
  readonly ids: ReadonlyArray<string>
}

/**
 * Streams the changes of a database after a sequence, one row for each document: `GET /{db}/_changes?style=all_docs`.
 */
export const pages = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  since: string,
  size: number
): Stream.Stream<Page, NotFoundError | RequestError, CouchHttp> =>
  Stream.paginateEffect(since, (since) =>
    Effect.map(
      readPage(collection, since, size),
      (page) => [page, page.pending > 0 && page.scanned > 0 ? Option.some(page.since) : Option.none()]
    ))

const readPage = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  since: string,
  size: number
): Effect.Effect<Page, NotFoundError | RequestError, CouchHttp> => {
  const request: CouchRequest = {
    method: "GET",
    path: `${documentPath(collection.database)}/_changes?style=all_docs&limit=${size}&since=${
      encodeURIComponent(since)
    }`,
    route: "/{db}/_changes",
    database: collection.database
  }
  return Effect.flatMap(CouchHttp, (couch) =>
    conflictAsBadRequest(executeDecoded(couch, request, (response) => {
      const json = jsonOf(response)
      const results = Json.get(json, "results")
      const last = Json.get(json, "last_seq")
      const pending = Json.get(json, "pending")
      if (!Json.isArray(results) || (typeof last !== "string" && typeof last !== "number")) {
        return Either.left("the response is not a page of changes")
      }
      return Either.right({
        since: String(last),
        scanned: results.length,
        pending: typeof pending === "number" ? pending : results.length === size ? 1 : 0,
        ids: results.flatMap((row) => {
          const id = Json.get(row, "id")
          const leaves = Json.get(row, "changes")
          return typeof id === "string" && Json.isArray(leaves) &&
              // With lineage, a tombstone may contain the only remaining version of a document.
              (leaves.length > 1 || (collection.lineage !== undefined && Json.get(row, "deleted") === true)) &&
              owns(collection.id, id)
            ? [id]
            : []
        })
      })
    })))
}
