import * as Effect from "effect/Effect"
import type { InvalidIdError } from "../data/errors.js"
import * as Database from "../database/Database.js"
import type { Collection } from "../document/Collection.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"

/** The number of leaves from which the writes of a document become noticeably slow. */
const manyLeaves = 500

export const databaseWarnings = <A, I, R, K>(
  { database, lineage }: Collection<A, I, R, K>
): Effect.Effect<ReadonlyArray<string>, NotFoundError | InvalidIdError | RequestError, CouchHttp> =>
  lineage === undefined
    ? Effect.succeed([])
    : Effect.map(Database.revisionsLimit(database), (limit) =>
      limit < 2 * lineage.depth
        ? [
          `_revs_limit of ${
            JSON.stringify(database)
          } is ${limit}: with a lineage of depth ${lineage.depth} it should be ` +
          `at least ${2 * lineage.depth}, or merges may need manual review.`
        ]
        : [])

/** Logs a document that has grown too many leaves. */
export const warnOfManyLeaves = (database: string, id: string, leaves: number): Effect.Effect<void> =>
  leaves < manyLeaves
    ? Effect.void
    : Effect.logWarning(
      `${JSON.stringify(id)} in ${JSON.stringify(database)} has ${leaves} leaves, most of them tombstones of merged ` +
        "versions: strip them with Lineage.stripTombstones, or purge them on all replicas. For a counter with many " +
        "writers, store each delta as a document."
    )
