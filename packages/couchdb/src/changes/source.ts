import * as Either from "effect/Either"
import type { InvalidIdError } from "../data/errors.js"
import { functionNameProblem } from "../data/functionName.js"
import type { Collection } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { CouchRequest } from "../http/CouchHttp.js"
import type { Row } from "../rows/row.js"
import * as Rows from "../rows/source.js"
import type { ChangeRow } from "./change.js"
import type { DatabaseOptions, Filter } from "./Changes.js"
import type { Feed } from "./request.js"

/**
 * The source of a feed.
 *
 * - `feed`: makes the requests and parses the rows of an endpoint other than `_changes`
 */
export interface Source<D, R = never> extends Rows.Source<D, R> {
  readonly feed?: {
    readonly request: (feed: Feed, options: DatabaseOptions) => CouchRequest
    readonly parse: (row: Row) => ChangeRow | undefined
  }
}

const filterProblem = (filter: Filter | undefined): InvalidIdError | undefined =>
  filter?._tag === "View"
    ? functionNameProblem(filter.design, filter.view)
    : filter?._tag === "Function"
    ? functionNameProblem(filter.design, filter.name)
    : undefined

/** The collection as a source. Fails if a name in the filter is invalid. */
export const collectionSource = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  { filter }: Pick<DatabaseOptions, "filter">
): Either.Either<Source<Document<A, R>, R>, InvalidIdError> => {
  const problem = filterProblem(filter)
  return problem === undefined ? Either.right(Rows.ofCollection(collection)) : Either.left(problem)
}

/** The source of an operation. Fails if a name in the filter is invalid. */
export const sourceOf = (
  given: Collection<unknown, unknown, unknown, unknown> | string,
  { filter }: Pick<DatabaseOptions, "filter"> = {}
): Either.Either<Source<unknown, unknown>, InvalidIdError> => {
  const problem = filterProblem(filter)
  return problem === undefined ? Rows.sourceOf(given) : Either.left(problem)
}
