import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Json from "../data/Json.js"
import { documentPath, documentRoute } from "../data/path.js"
import type { CouchRequest, WriteDocument, Written } from "./CouchHttp.js"
import type { HttpError, NotFoundError, RequestError, UpdateConflictError } from "./errors.js"
import { recover } from "./recover.js"
import { unexpectedResponse } from "./responseError.js"
import type { WriteState } from "./serviceState.js"
import { findWrite, recordRevision } from "./storedWrites.js"
import type { BufferedResponse } from "./Transport.js"
import { decodeWritten } from "./verification.js"

/** The errors of a write of one document. */
export type WriteError = UpdateConflictError | NotFoundError | RequestError

/** Sends a request once. */
type Send = (request: CouchRequest) => Effect.Effect<BufferedResponse, HttpError>

/** The parts of a service that writes need. `schedule` repeats attempts that failed with a transient error. */
interface Wire {
  readonly schedule: Schedule.Schedule<HttpError, HttpError> | undefined
  readonly state: WriteState
  readonly server: string
}

const requestOf = (write: WriteDocument): CouchRequest => {
  const target = {
    path: documentPath(write.database, write.id) +
      (write.parent._tag === "None" ? "" : `?rev=${encodeURIComponent(write.parent.value)}`),
    route: documentRoute(write.id),
    database: write.database,
    id: write.id
  }
  // A DELETE leaves an empty tombstone.
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

/**
 * Writes one document in two steps: `first` is the first attempt, which is nearly always the only one, and `recovered`
 * recovers from its failure. The caller chooses the deadline of each.
 */
export const writeDocument = ({ schedule, server, state }: Wire, write: WriteDocument): {
  readonly request: CouchRequest
  readonly first: (send: Send) => Effect.Effect<Written, WriteError>
  readonly recovered: (failure: WriteError, send: Send) => Effect.Effect<Written, WriteError>
} => {
  const request = requestOf(write)
  const first = (send: Send): Effect.Effect<Written, WriteError> =>
    Effect.flatMap(send(request), (response) => {
      const written = decodeWritten(write.id, response)
      if (Either.isLeft(written)) {
        return Effect.fail(unexpectedResponse(request, { ...response, server }, written.left))
      }
      recordRevision(state, write, written.right.rev)
      return Effect.succeed(written.right)
    })
  const recovered = (failure: WriteError, send: Send): Effect.Effect<Written, WriteError> =>
    Effect.suspend(() => {
      let known: WriteError | undefined = failure
      return recover({
        attempt: () => {
          const error = known
          known = undefined
          return error === undefined ? first(send) : Effect.fail(error)
        },
        findStored: () =>
          Effect.map(findWrite(state, write, send, server), (found) =>
            Option.filterMap(found, (rev) =>
              state.claimedRevisions.take(write, rev)
                // The lost response reported whether a quorum stored it.
                ? Option.some<Written>({ rev, durability: "accepted" })
                : Option.none())),
        // If predictions are not reliable, a repeated write may conflict with itself.
        schedule: state.predictable.get(write.database) === false ? undefined : schedule
      })
    })
  return { request, first, recovered }
}
