import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { DatabaseName } from "../data/DatabaseName.js"
import * as DocumentId from "../data/DocumentId.js"
import * as Json from "../data/Json.js"
import { documentPath } from "../data/path.js"
import * as Revision from "../data/Revision.js"
import type { Collection } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp, CouchRequest } from "../http/CouchHttp.js"
import { NotFoundError } from "../http/errors.js"
import type { RawDocument } from "../http/rawDocument.js"
import { fromResponse } from "../http/responseError.js"
import { documentIn, toDocument } from "../rows/document.js"
import { member, type Row } from "../rows/row.js"
import { collect, type Head } from "../rows/stream.js"
import type { FetchError, Options } from "./Bulk.js"
import { type Item, sendAll } from "./pipeline.js"

/** A document, or one revision of it. */
export interface Wanted {
  readonly id: string
  readonly rev?: Revision.Revision | undefined
}

/** The result of a row of `_bulk_get`. */
type Found = Either.Either<RawDocument, NotFoundError | WireError>

const requestFor = (database: DatabaseName, wanted: ReadonlyArray<Wanted>): CouchRequest => ({
  method: "POST",
  path: `${documentPath(database)}/_bulk_get`,
  route: "/{db}/_bulk_get",
  database,
  body: Json.stringify({ docs: wanted.map(({ id, rev }) => rev === undefined ? { id } : { id, rev }) }),
  idempotent: true
})

const versions = (row: Row): ReadonlyArray<unknown> => {
  const docs = member(row.json, "docs")
  return Array.isArray(docs) ? docs : []
}

const byWinning = (self: RawDocument, that: RawDocument): number =>
  self.deleted === that.deleted ? -Revision.Order(self.rev, that.rev) : self.deleted ? 1 : -1

/** The winner among the leaves, or the requested revision. */
const foundIn = (request: CouchRequest, head: Head, { id, rev }: Wanted, row: Row | undefined): Found => {
  const absent = (reason: string) =>
    Either.left(
      new NotFoundError({
        ...(head.server !== undefined && { server: head.server }),
        method: request.method,
        path: request.path,
        status: 404,
        error: "not_found",
        reason,
        database: request.database,
        id
      })
    )
  if (row === undefined) return absent("unknown")
  const docs = versions(row)
  const leaves = docs.flatMap((doc, i) => Option.toArray(documentIn(row, member(doc, "ok"), ["docs", i, "ok"]))).sort(
    byWinning
  )
  const [winner] = leaves
  if (winner !== undefined) return winner.deleted && rev === undefined ? absent("deleted") : Either.right(winner)
  const problem = member(docs[0], "error")
  const error = member(problem, "error")
  const reason = String(member(problem, "reason") ?? "missing")
  return error === undefined || error === "not_found" ? absent(reason) : Either.left(
    fromResponse({ ...request, id }, {
      ...head,
      status: error === "forbidden" ? 403 : error === "unauthorized" ? 401 : 400,
      body: JSON.stringify({ error, reason })
    }) as WireError
  )
}

const read = <A, R>(
  collection: Collection<A, unknown, R, never>,
  wanted: ReadonlyArray<Wanted>
): Effect.Effect<ReadonlyArray<Either.Either<Document<A, R>, FetchError>>, WireError, CouchHttp | R> => {
  const request = requestFor(collection.database, wanted)
  const ids = new Set<unknown>(wanted.map(({ id }) => id))
  const isResult = (row: Row) => ids.has(member(row.json, "id")) && Array.isArray(member(row.json, "docs"))
  const check = (rows: ReadonlyArray<Row>) =>
    rows.length === wanted.length && rows.every(isResult)
      ? undefined
      : "the response does not have one result for each document"
  return Effect.flatMap(collect(request, "results", check), ({ head, rows }) => {
    // Rows should be in the order of the request. They are matched by id, in case a server uses another order.
    const byId = new Map<unknown, Array<Row>>()
    for (const row of rows) {
      const id = member(row.json, "id")
      const same = byId.get(id)
      if (same === undefined) byId.set(id, [row])
      else same.push(row)
    }
    return Effect.forEach(
      wanted,
      (item): Effect.Effect<Either.Either<Document<A, R>, FetchError>, never, R> =>
        Either.match(foundIn(request, head, item, byId.get(item.id)?.shift()), {
          onLeft: (error) => Effect.succeed(Either.left(error)),
          onRight: (raw) => Effect.either(toDocument(collection, raw))
        })
    )
  })
}

/** Documents are larger than their ids, so a read has fewer rows than a write. */
const rowsAtOnce = 200

export const fetchStream = <A, I, R, K, E2, R2>(
  collection: Collection<A, I, R, K>,
  keys: Stream.Stream<{ readonly key: K; readonly rev?: Revision.Revision | undefined }, E2, R2>,
  options: Options
): Stream.Stream<Either.Either<Document<A, R>, FetchError>, E2 | WireError, CouchHttp | R | R2> => {
  type Out = Item<Wanted, Document<A, R>, FetchError>
  return Stream.suspend(() => {
    let n = 0
    const items: Stream.Stream<Out, E2, R2> = Stream.map(keys, ({ key, rev }): Out => {
      const id = collection.id.encode(key)
      return Either.match(DocumentId.decode(id), {
        onLeft: (error): Out => ({ _tag: "Known", result: Either.left(error) }),
        // Reads of one document need no order.
        onRight: (id): Out => ({ _tag: "Sent", group: "", id: String(n++), bytes: 0, payload: { id, rev } })
      })
    })
    return sendAll<Wanted, Document<A, R>, FetchError, E2 | WireError, R2, R>(
      items,
      { ...options, rows: options.rows ?? rowsAtOnce },
      (_, wanted) => read(collection as unknown as Collection<A, unknown, R, never>, wanted)
    )
  })
}
