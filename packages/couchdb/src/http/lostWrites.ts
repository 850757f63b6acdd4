import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import { hashedAttachments } from "../data/attachmentDigests.js"
import { documentPath, documentRoute } from "../data/documentPath.js"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import { jsonOf, member, writtenOf } from "./answers.js"
import type { CouchRequest, Ledger, WriteDocument, Written } from "./CouchHttp.js"
import type { HttpError, NotFoundError, RequestError, UnexpectedResponseError, UpdateConflictError } from "./errors.js"
import { unexpectedResponse } from "./responseError.js"
import { mayHaveHappened } from "./retry.js"
import type { BufferedResponse } from "./Transport.js"
import { missingIn, revsDiffBody, verifyDocument, verifyRevsDiff, verifyWritten } from "./verification.js"

export type WriteError = UpdateConflictError | NotFoundError | RequestError

/** A single exchange, without retries. */
type Send = (request: CouchRequest) => Effect.Effect<BufferedResponse, HttpError>

interface Wire {
  readonly retry: Schedule.Schedule<HttpError, HttpError> | undefined
  readonly ledger: Ledger
  readonly server: string
}

/** The request of a write. */
const toRequest = (write: WriteDocument): CouchRequest => {
  const query = Option.match(write.parent, { onNone: () => "", onSome: (rev) => `?rev=${encodeURIComponent(rev)}` })
  const target = {
    path: documentPath(write.database, write.id) + query,
    route: documentRoute(write.id),
    database: write.database,
    id: write.id,
    verify: verifyWritten(write.id)
  }
  // The verb leaves an empty tombstone.
  if (write.deleted && Json.keys(write.body).length === 0 && Option.isNone(write.attachments)) {
    return { method: "DELETE", ...target }
  }
  const body = Option.isNone(write.attachments) && !write.deleted
    ? write.body
    : Json.fromEntries([
      ...(write.deleted ? [["_deleted", true] as const] : []),
      ...Json.entries(write.body),
      ...Option.toArray(Option.map(write.attachments, (stubs) => ["_attachments", stubs] as const))
    ])
  return { method: "PUT", ...target, body: Json.stringify(body) }
}

/** The revision that the write will have on top of the parent. */
export const predict = (
  write: WriteDocument,
  parent: Option.Option<Revision.Revision>
): Option.Option<Revision.Revision> =>
  Option.flatMap(
    Option.match(write.attachments, { onNone: () => Option.some([]), onSome: hashedAttachments }),
    (attachments) => Revision.predict({ parent, body: write.body, deleted: write.deleted, attachments })
  )

/** The first revision that a database gives shows whether its revisions are what was predicted. */
export const learn = ({ holds }: Ledger, write: WriteDocument, rev: Revision.Revision): void => {
  if (holds.has(write.database)) return
  const predicted = predict(write, write.parent)
  // A re-creation lands on top of a tombstone that the caller does not know: nothing to compare.
  if (Option.isNone(predicted) || Revision.generation(predicted.value) !== Revision.generation(rev)) return
  holds.set(write.database, predicted.value === rev)
}

/**
 * The revision of a creation, if the document's history (`revs_info=true`) shows that it happened: it may have landed on a
 * tombstone, and an equal one may lie below a deletion. So the one that counts is the oldest above the last deletion.
 */
const ownCreation = (
  write: WriteDocument,
  history: ReadonlyArray<Json.Json>
): Option.Option<Revision.Revision> => {
  const above = history.findIndex((entry) => member(entry, "status") !== "available")
  const known = above === -1 ? history.length : above
  const rev = member(history[known - 1], "rev")
  const parent = member(history[known], "rev")
  return Option.filter(
    predict(write, Revision.isRevision(parent) ? Option.some(parent) : Option.none()),
    (predicted) => predicted === rev
  )
}

/** Asks a document's history whether it was created. What no CouchDB answers is no answer. */
export const creationLanded = <E extends { readonly _tag: string }>(
  write: WriteDocument,
  ask: (request: CouchRequest) => Effect.Effect<BufferedResponse, E>,
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
  return Effect.matchEffect(ask(request), {
    onFailure: (error) => isAbsent(error) ? Effect.succeedNone : Effect.fail(error),
    onSuccess: (response) => {
      const history = member(jsonOf(response), "_revs_info")
      return Json.isArray(history)
        ? Effect.succeed(ownCreation(write, history))
        : Effect.fail(
          unexpectedResponse(request, { ...response, server }, "the response has no history of revisions")
        )
    }
  })
}

/** Whether the document is not there, rather than its database. */
const isAbsent = (error: { readonly _tag: string; readonly reason?: unknown }): boolean =>
  error._tag === "NotFoundError" && (error.reason === "missing" || error.reason === "deleted")

/**
 * Writes whose outcome is known even where the answer was lost.
 *
 * A revision is a hash of what is written, so it can be asked for by name: if the server has it, the write happened,
 * whatever became of the answer. The prediction is checked against the first revision that each database gives, and not
 * used where it does not hold.
 */
export const makeOutcomes = (wire: Wire) => {
  const { claims, holds } = wire.ledger

  /** An update extends a revision that the caller read: its name tells whether it is there. */
  const updateLanded = (
    write: WriteDocument,
    send: Send
  ): Effect.Effect<Option.Option<Revision.Revision>, HttpError> =>
    Option.match(predict(write, write.parent), {
      onNone: () => Effect.succeedNone,
      onSome: (rev) => {
        const asked = new Map([[write.id as string, [rev]]])
        const request: CouchRequest = {
          method: "POST",
          path: `${documentPath(write.database)}/_revs_diff`,
          route: "/{db}/_revs_diff",
          database: write.database,
          id: write.id,
          body: Json.stringify(revsDiffBody(asked)),
          safe: true,
          verify: verifyRevsDiff(asked)
        }
        return Effect.map(
          send(request),
          (response) => missingIn(jsonOf(response), write.id).includes(rev) ? Option.none() : Option.some(rev)
        )
      }
    })

  const landed = (
    write: WriteDocument,
    send: Send
  ): Effect.Effect<Option.Option<Revision.Revision>, HttpError> =>
    holds.get(write.database) === false
      ? Effect.succeedNone
      : Option.isSome(write.parent)
      ? updateLanded(write, send)
      : creationLanded(write, send, wire.server)

  /**
   * The answer to a write that may have happened before: it is one's own if it is there. Where the question itself gets no
   * answer, `doubt` remains, which is what made the outcome unknown: a conflict must not be told then, since whoever hears
   * of one edits again.
   */
  const recognised = (
    write: WriteDocument,
    error: WriteError,
    doubt: WriteError,
    send: Send
  ): Effect.Effect<Written, WriteError> =>
    Effect.matchEffect(landed(write, send), {
      onFailure: () => Effect.fail(doubt),
      onSuccess: Option.match({
        onNone: () => Effect.fail(error),
        onSome: (rev): Effect.Effect<Written, WriteError> =>
          claims.take(write, rev)
            // Whether a quorum stored it was in the answer that was lost.
            ? Effect.succeed({ rev, durability: "accepted" })
            : Effect.fail(error)
      })
    })

  /**
   * The write in two steps: the first exchange, which is nearly always all there is, and what to do when it failed. What
   * `first` is sent with may keep a deadline; `recovered` looks, waits and repeats.
   */
  const write = (
    write: WriteDocument
  ): {
    readonly request: CouchRequest
    readonly first: (send: Send) => Effect.Effect<Written, WriteError>
    readonly recovered: (error: WriteError, send: Send) => Effect.Effect<Written, WriteError>
  } => {
    const request = toRequest(write)
    const first = (send: Send) =>
      Effect.flatMap(send(request), (response) =>
        Effect.mapBoth(writtenOf(response), {
          onFailure: (reason) => unexpectedResponse(request, { ...response, server: wire.server }, reason),
          onSuccess: (written) => {
            learn(wire.ledger, write, written.rev)
            claims.take(write, written.rev)
            return written
          }
        }))
    const recovered = (failure: WriteError, send: Send): Effect.Effect<Written, WriteError> =>
      Effect.suspend(() => {
        let known: WriteError | undefined = failure
        let doubt: WriteError | undefined
        const next = Effect.suspend(() => {
          const error = known
          known = undefined
          return error === undefined ? first(send) : Effect.fail(error)
        })
        const careful = Effect.catchAll(next, (error) => {
          if (mayHaveHappened(error)) doubt = error
          // An earlier attempt may have happened, whatever this one fails with, even if nothing of it was sent.
          return doubt === undefined ? Effect.fail(error) : recognised(write, error, doubt, send)
        })
        // Where a prediction cannot be trusted, a repeated write could meet itself and look like a conflict.
        return wire.retry === undefined || holds.get(write.database) === false
          ? careful
          : Effect.retry(careful, wire.retry)
      })
    return { request, first, recovered }
  }

  /** A database that is made anew has none of the old one's revisions. */
  const forget = (database: string): void => {
    holds.delete(database)
    claims.forget(database)
  }

  return { write, forget }
}
