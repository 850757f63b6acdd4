import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { DatabaseName } from "../../data/DatabaseName.js"
import { type InvalidIdError } from "../../data/errors.js"
import * as Json from "../../data/Json.js"
import { EncodeError } from "../../document/errors.js"
import type { CouchRequest } from "../../http/CouchHttp.js"
import { pathIn } from "../view/request.js"

/** A query without the type parameters of the overloads. */
export interface AnyQuery {
  readonly selector: object
  readonly fields?: ReadonlyArray<string> | undefined
  readonly sort?: ReadonlyArray<string | object> | undefined
  readonly limit?: number | undefined
  readonly skip?: number | undefined
  readonly bookmark?: string | undefined
  readonly useIndex?: string | readonly [string, string] | undefined
  readonly allowFallback?: boolean | undefined
  readonly conflicts?: boolean | undefined
  readonly quorum?: number | undefined
  readonly update?: boolean | undefined
  readonly stable?: boolean | undefined
  readonly executionStats?: boolean | undefined
  readonly partition?: string | undefined
}

/** A JSON body, or an `EncodeError` if a value, such as one in a selector, is not valid JSON. */
export const encoded = (
  database: string,
  endpoint: string,
  body: unknown
): Either.Either<string, EncodeError> =>
  Either.mapBoth(Json.fromUnknown(body), {
    onLeft: ({ path, problem }) => new EncodeError({ database, id: endpoint, issues: [{ path, expected: problem }] }),
    onRight: Json.stringify
  })

const bodyOf = (query: AnyQuery): unknown => ({
  selector: query.selector,
  fields: query.fields,
  sort: query.sort,
  limit: query.limit,
  skip: query.skip,
  bookmark: query.bookmark,
  // CouchDB splits a string with a slash into a design document and an index name.
  use_index: typeof query.useIndex === "string" && query.useIndex.includes("/") &&
      !query.useIndex.startsWith("_design/")
    ? [query.useIndex]
    : query.useIndex,
  allow_fallback: query.allowFallback,
  conflicts: query.conflicts,
  r: query.quorum,
  update: query.update,
  stable: query.stable,
  execution_stats: query.executionStats
})

/** The request to run a query (`_find`) or to explain it (`_explain`). */
export const queryRequest = (
  database: DatabaseName,
  endpoint: "_find" | "_explain",
  query: AnyQuery
): Effect.Effect<CouchRequest, EncodeError | InvalidIdError> =>
  Either.flatMap(
    pathIn(database, query.partition),
    ({ path, route }) =>
      Either.map(encoded(database, endpoint, bodyOf(query)), (body): CouchRequest => ({
        method: "POST",
        path: `${path}/${endpoint}`,
        route: `${route}/${endpoint}`,
        database,
        idempotent: true,
        body
      }))
  )
