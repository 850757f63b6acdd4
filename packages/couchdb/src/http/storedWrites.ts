import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { hashedAttachments } from "../data/attachmentDigests.js"
import * as Json from "../data/Json.js"
import { documentPath, documentRoute } from "../data/path.js"
import * as Revision from "../data/Revision.js"
import type { CouchRequest, WriteDocument } from "./CouchHttp.js"
import type { HttpError, UnexpectedResponseError } from "./errors.js"
import { unexpectedResponse } from "./responseError.js"
import type { WriteState } from "./serviceState.js"
import type { BufferedResponse } from "./Transport.js"
import { jsonOf, missingIn, revsDiffBody, verifyDocument, verifyRevsDiff } from "./verification.js"

// A revision is a hash of what is written, so a write whose response was lost can be found by its revision. The first
// revision that a database assigns shows whether it is the predicted one; if it is not, predictions are not used.

/** Predicts the revision of the write on top of the parent. */
export const predict = (
  write: WriteDocument,
  parent: Option.Option<Revision.Revision>
): Option.Option<Revision.Revision> =>
  Option.flatMap(
    Option.match(write.attachments, { onNone: () => Option.some([]), onSome: hashedAttachments }),
    (attachments) => Revision.predict({ parent, body: write.body, deleted: write.deleted, attachments })
  )

/** Records the revision of a write: it belongs to that write, and shows whether the database assigns predicted ones. */
export const recordRevision = (state: WriteState, write: WriteDocument, rev: Revision.Revision): void => {
  if (!state.predictable.has(write.database)) checkPrediction(state, write, rev)
  state.claimedRevisions.take(write, rev)
}

const checkPrediction = ({ predictable }: WriteState, write: WriteDocument, rev: Revision.Revision): void => {
  const predicted = predict(write, write.parent)
  // A re-creation extends a tombstone that the caller does not know, so the revisions cannot be compared.
  if (Option.isNone(predicted) || Revision.generation(predicted.value) !== Revision.generation(rev)) return
  predictable.set(write.database, predicted.value === rev)
}

/**
 * Returns the revision of a creation if the document's history (`revs_info=true`) contains it. The creation may extend
 * a tombstone, and an equal one may have been deleted before, so only the oldest revision after the last deletion is
 * compared.
 */
const creationIn = (write: WriteDocument, history: ReadonlyArray<Json.Json>): Option.Option<Revision.Revision> => {
  const deletion = history.findIndex((entry) => Json.get(entry, "status") !== "available")
  const length = deletion === -1 ? history.length : deletion
  const rev = Json.get(history[length - 1], "rev")
  const parent = Json.get(history[length], "rev")
  return Option.filter(
    predict(write, Revision.isRevision(parent) ? Option.some(parent) : Option.none()),
    (predicted) => predicted === rev
  )
}

/** Finds a creation in the history of its document. */
export const findCreation = <E extends { readonly _tag: string }>(
  write: WriteDocument,
  send: (request: CouchRequest) => Effect.Effect<BufferedResponse, E>,
  server: string | undefined
): Effect.Effect<Option.Option<Revision.Revision>, E | UnexpectedResponseError> => {
  const request: CouchRequest = {
    method: "GET",
    path: `${documentPath(write.database, write.id)}?revs_info=true`,
    route: documentRoute(write.id),
    database: write.database,
    id: write.id,
    verify: verifyDocument(write.id)
  }
  return Effect.matchEffect(send(request), {
    onFailure: (error) => isAbsent(error) ? Effect.succeedNone : Effect.fail(error),
    onSuccess: (response) => {
      const history = Json.get(jsonOf(response), "_revs_info")
      return Json.isArray(history)
        ? Effect.succeed(creationIn(write, history))
        : Effect.fail(
          unexpectedResponse(request, { ...response, server }, "the response has no history of revisions")
        )
    }
  })
}

/** Whether the document does not exist, rather than its database. */
const isAbsent = (error: { readonly _tag: string; readonly reason?: unknown }): boolean =>
  error._tag === "NotFoundError" && (error.reason === "missing" || error.reason === "deleted")

/**
 * Finds an update, which extends a revision that the caller read, by its predicted revision: `POST /{db}/_revs_diff`.
 */
const findUpdate = (
  write: WriteDocument,
  send: (request: CouchRequest) => Effect.Effect<BufferedResponse, HttpError>
): Effect.Effect<Option.Option<Revision.Revision>, HttpError> => {
  const rev = Option.getOrUndefined(predict(write, write.parent))
  if (rev === undefined) return Effect.succeedNone
  const revsById = new Map([[write.id as string, [rev]]])
  const request: CouchRequest = {
    method: "POST",
    path: `${documentPath(write.database)}/_revs_diff`,
    route: "/{db}/_revs_diff",
    database: write.database,
    id: write.id,
    body: Json.stringify(revsDiffBody(revsById)),
    idempotent: true,
    verify: verifyRevsDiff(revsById)
  }
  return Effect.map(
    send(request),
    (response) => missingIn(jsonOf(response), write.id).includes(rev) ? Option.none() : Option.some(rev)
  )
}

/** Finds a write on the server; `None` if it is not stored, or if revisions of the database cannot be predicted. */
export const findWrite = (
  { predictable }: WriteState,
  write: WriteDocument,
  send: (request: CouchRequest) => Effect.Effect<BufferedResponse, HttpError>,
  server: string
): Effect.Effect<Option.Option<Revision.Revision>, HttpError> =>
  predictable.get(write.database) === false
    ? Effect.succeedNone
    : Option.isSome(write.parent)
    ? findUpdate(write, send)
    : findCreation(write, send, server)
