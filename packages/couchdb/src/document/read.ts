import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type { DatabaseName } from "../data/DatabaseName.js"
import * as DocumentId from "../data/DocumentId.js"
import { type InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import { documentPath, documentRoute } from "../data/path.js"
import * as Revision from "../data/Revision.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import type { CouchRequest, FromServer, ReadJson } from "../http/CouchHttp.js"
import { CouchHttp } from "../http/CouchHttp.js"
import { NotFoundError, type RequestError, type UnexpectedResponseError } from "../http/errors.js"
import { executeDecoded } from "../http/executeDecoded.js"
import { failWithServer } from "../http/failWithServer.js"
import { documentOf, type RawDocument } from "../http/rawDocument.js"
import { errorResponseOf, unexpectedResponse } from "../http/responseError.js"
import { serverOf } from "../http/server.js"
import type * as Transport from "../http/Transport.js"
import { jsonOf } from "../http/verification.js"
import { decode } from "./codec.js"
import type { Bound, Collection } from "./Collection.js"
import type { Base, Document, FetchError, FetchOptions, Info, RevisionInfo, Siblings } from "./Document.js"
import { type DecodeError, UnsavedChangesError } from "./errors.js"
import { onCollection } from "./makeCollection.js"
import * as value from "./value.js"

const queryOf = (options: FetchOptions | undefined): string => {
  if (options === undefined) return ""
  const parts: Array<string> = []
  if (options.rev !== undefined) parts.push(`rev=${encodeURIComponent(options.rev)}`)
  if (options.latest === true) parts.push("latest=true")
  return parts.length === 0 ? "" : `?${parts.join("&")}`
}

/** Splits the JSON of a document. JSON that is not a CouchDB document is an unexpected response. */
const documentIn = (
  database: DatabaseName,
  id: DocumentId.DocumentId,
  query: string,
  json: ReadJson,
  couch: FromServer
): Either.Either<RawDocument, UnexpectedResponseError> => {
  const raw = documentOf(json)
  return Option.isSome(raw) && Revision.isRevision(raw.value.rev)
    ? Either.right(raw.value)
    : Either.left(
      unexpectedResponse(
        { method: "GET", path: documentPath(database, id) + query, database, id },
        { status: 200, headers: {}, ...serverOf(couch) },
        "the response is not the document"
      )
    )
}

/**
 * Reads a document and continues with it, in as few fiber steps as possible, since it is the most frequent operation.
 */
const readThen = <A, E, R>(
  database: DatabaseName,
  text: string,
  query: string,
  then: (raw: RawDocument, id: DocumentId.DocumentId) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | NotFoundError | InvalidIdError | RequestError, CouchHttp | R> =>
  Effect.withFiberRuntime<A, E | NotFoundError | InvalidIdError | RequestError, CouchHttp | R>((fiber) => {
    const id = DocumentId.decode(text)
    if (Either.isLeft(id)) return Effect.fail(id.left)
    const couch = Context.unsafeGet(fiber.currentContext, CouchHttp)
    return Effect.flatMap(
      couch.readDocument({ database, id: id.right, query }),
      (json): Effect.Effect<A, E | UnexpectedResponseError, R> => {
        const raw = documentIn(database, id.right, query, json, couch)
        return Either.isRight(raw) ? then(raw.right, id.right) : Effect.fail(raw.left)
      }
    )
  })

/** Reads the stored JSON of a document. */
export const readRaw = (
  database: DatabaseName,
  id: string,
  query: string
): Effect.Effect<RawDocument, NotFoundError | InvalidIdError | RequestError, CouchHttp> =>
  readThen(database, id, query, Effect.succeed)

/** Reads the document with an id, which is the id on the server. */
export const fetchBound = <A, R>(
  collection: Bound<A, R>,
  id: string,
  options?: FetchOptions
): Effect.Effect<Document<A, R>, FetchError, CouchHttp | R> => {
  const query = queryOf(options)
  return readThen(collection.database, id, query, (raw, id): Effect.Effect<Document<A, R>, FetchError, R> => {
    if (raw.deleted) {
      return failWithServer((from) =>
        new NotFoundError({
          ...from,
          method: "GET",
          path: documentPath(collection.database, id) + query,
          status: 200,
          error: "not_found",
          reason: "deleted",
          database: collection.database,
          id
        })
      )
    }
    const base = decode(collection, raw)
    return Either.isEither(base)
      ? Either.map(base as Either.Either<Base<A>, DecodeError>, (base) => value.clean(collection, id, "quorum", base))
      : Effect.map(base, (base) => value.clean(collection, id, "quorum", base))
  })
}

export const fetch = dual<
  <K>(
    id: K,
    options?: FetchOptions
  ) => <A, I, R>(collection: Collection<A, I, R, K>) => Effect.Effect<Document<A, R>, FetchError, CouchHttp | R>,
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: K,
    options?: FetchOptions
  ) => Effect.Effect<Document<A, R>, FetchError, CouchHttp | R>
>(onCollection, (collection, id, options) => fetchBound(collection, collection.id.encode(id), options))

const isAbsence = (error: FetchError): error is NotFoundError =>
  error._tag === "NotFoundError" && (error.reason === "missing" || error.reason === "deleted")

/** The error of an update whose document does not exist. */
export const asUpdate = (error: FetchError): FetchError =>
  isAbsence(error) ? new NotFoundError({ ...errorResponseOf(error), operation: "update" }) : error

/** Returns `None` if the document does not exist. A missing database is still an error. */
export const fetchBoundOption = <A, R>(
  collection: Bound<A, R>,
  id: string,
  options?: FetchOptions
): Effect.Effect<Option.Option<Document<A, R>>, FetchError, CouchHttp | R> =>
  fetchBound(collection, id, options).pipe(
    Effect.asSome,
    Effect.catchIf(isAbsence, () => Effect.succeedNone)
  )

export const fetchOption = dual<
  <K>(
    id: K,
    options?: FetchOptions
  ) => <A, I, R>(
    collection: Collection<A, I, R, K>
  ) => Effect.Effect<Option.Option<Document<A, R>>, FetchError, CouchHttp | R>,
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: K,
    options?: FetchOptions
  ) => Effect.Effect<Option.Option<Document<A, R>>, FetchError, CouchHttp | R>
>(onCollection, (collection, id, options) => fetchBoundOption(collection, collection.id.encode(id), options))

/** The suffix that a compressing proxy, such as Apache or Caddy, adds to an ETag. */
const proxySuffix = /[-;:/]+(?:gzip|deflate|br|zstd|gunzip)$/

/**
 * The id and revision from a HEAD: the revision is the quoted ETag. If a GET was sent instead, they are in its body.
 */
const infoOf = (id: DocumentId.DocumentId) => (response: Transport.BufferedResponse): Either.Either<Info, string> => {
  const json = response.body.length === 0 ? undefined : jsonOf(response)
  const rev = response.body.length === 0
    ? (response.headers["etag"] ?? "").replace(/^(?:W\/)?"|"$/g, "").replace(proxySuffix, "")
    : Json.get(json, "_id") === id
    ? Json.get(json, "_rev")
    : undefined
  return Revision.isRevision(rev) ? Either.right({ id, rev }) : Either.left("the response contains no revision")
}

/** Reads the id and revision of a document: `HEAD /{db}/{docid}`. */
export const infoBound = (
  database: DatabaseName,
  text: string
): Effect.Effect<Info, NotFoundError | InvalidIdError | RequestError, CouchHttp> =>
  Effect.flatMap(DocumentId.decode(text), (id) => {
    const request: CouchRequest = {
      method: "HEAD",
      path: documentPath(database, id),
      route: documentRoute(id),
      database,
      id
    }
    return Effect.flatMap(CouchHttp, (couch) => conflictAsBadRequest(executeDecoded(couch, request, infoOf(id))))
  })

export const info = dual<
  <K>(
    id: K
  ) => <A, I, R>(
    collection: Collection<A, I, R, K>
  ) => Effect.Effect<Info, NotFoundError | InvalidIdError | RequestError, CouchHttp>,
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: K
  ) => Effect.Effect<Info, NotFoundError | InvalidIdError | RequestError, CouchHttp>
>(2, (collection, id) => infoBound(collection.database, collection.id.encode(id)))

export const exists = dual<
  <K>(
    id: K
  ) => <A, I, R>(
    collection: Collection<A, I, R, K>
  ) => Effect.Effect<boolean, InvalidIdError | RequestError, CouchHttp>,
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: K
  ) => Effect.Effect<boolean, InvalidIdError | RequestError, CouchHttp>
>(2, (collection, id) =>
  info(collection, id).pipe(
    Effect.as(true),
    Effect.catchTag("NotFoundError", () => Effect.succeed(false))
  ))

export const refresh = <A, R>(self: Document<A, R>) =>
  Effect.flatMap(
    value.requireRevision(self, "refresh"),
    (): Effect.Effect<Document<A, R>, FetchError | UnsavedChangesError, CouchHttp | R> =>
      value.isDirty(self)
        ? Effect.fail(
          new UnsavedChangesError({ operation: "refresh", database: self.collection.database, id: self.id })
        )
        : fetchBound(self.collection, self.id)
  )

const isStatus = (status: Json.Json | undefined): status is RevisionInfo["status"] =>
  status === "available" || status === "missing" || status === "deleted"

// CouchDB returns only the history of the winner: with `rev`, it omits `_revs_info`.
export const revisions = <A, R>(self: Document<A, R>) =>
  Effect.flatMap(value.requireRevision(self, "revisions"), () =>
    Effect.map(
      readRaw(self.collection.database, self.id, "?revs_info=true"),
      (raw): ReadonlyArray<RevisionInfo> =>
        Json.elements(raw.special("_revs_info")).flatMap((entry) => {
          if (!Json.isObject(entry)) return []
          const rev = Json.get(entry, "rev")
          const status = Json.get(entry, "status")
          return Revision.isRevision(rev) && isStatus(status) ? [{ rev, status }] : []
        })
    ))

export const conflicts = <A, R>(self: Document<A, R>) =>
  Effect.map(
    readRaw(self.collection.database, self.id, "?conflicts=true&deleted_conflicts=true"),
    (raw): Siblings => ({
      conflicts: Json.elements(raw.special("_conflicts")).filter(Revision.isRevision),
      deletedConflicts: Json.elements(raw.special("_deleted_conflicts")).filter(Revision.isRevision)
    })
  )
