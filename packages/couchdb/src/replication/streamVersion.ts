import * as Effect from "effect/Effect"
import * as DatabaseName from "../data/DatabaseName.js"
import type { DocumentId } from "../data/DocumentId.js"
import { documentPath, documentRoute } from "../data/path.js"
import type { WireError } from "../http/bulk/errors.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import type { CouchRequest } from "../http/CouchHttp.js"
import { defaultRetry, isTransient } from "../http/retry.js"
import { verifyWritten } from "../http/verification.js"
import type { Endpoint } from "./Replication.js"
import type { Outcome, Version } from "./version.js"

/** The errors that concern one version only. */
const documentErrors = new Set<string>([
  "ForbiddenError",
  "UnauthorizedError",
  "PayloadTooLargeError",
  "BadRequestError",
  "MissingStubError",
  "PreconditionFailedError"
])

/**
 * Streams a version with the attachments that the target lacks, as `multipart/related`, from one side to the other.
 * Nothing is buffered, and compressed attachments stay compressed.
 */
export const streamVersion = (
  source: Endpoint,
  target: Endpoint,
  version: Version & { readonly id: DocumentId }
): Effect.Effect<Outcome, WireError> => {
  const { ancestor, id, rev } = version
  const about = { route: documentRoute(id), id }
  const since = ancestor === undefined ? "" : `&atts_since=${encodeURIComponent(JSON.stringify([ancestor]))}`
  const read: CouchRequest = {
    method: "GET",
    path: `${documentPath(DatabaseName.make(source.database), id)}?rev=${encodeURIComponent(rev)}` +
      `&revs=true&attachments=true&att_encoding_info=true${since}`,
    database: source.database,
    headers: { accept: "multipart/related, application/json" },
    verify: ({ headers }) =>
      /^(?:multipart\/related|application\/json)/i.test(headers["content-type"] ?? "")
        ? undefined
        : "the response is not a document",
    ...about
  }
  const open = conflictAsBadRequest(source.couch.stream(read)).pipe(
    Effect.map((response) => ({ _tag: "There" as const, response })),
    // The version was compacted away meanwhile. Its successor follows with a later change.
    Effect.catchIf(
      (error) => error._tag === "NotFoundError" && (error.reason === "missing" || error.reason === "deleted"),
      () => Effect.succeed({ _tag: "Gone" as const })
    )
  )
  return Effect.gen(function*() {
    const opened = yield* open
    if (opened._tag === "Gone") return { _tag: "Gone", version } as const
    const { body, headers } = opened.response
    return yield* conflictAsBadRequest(target.couch.execute({
      method: "PUT",
      path: `${documentPath(DatabaseName.make(target.database), id)}?new_edits=false`,
      database: target.database,
      verify: verifyWritten(id),
      headers: {
        "content-type": headers["content-type"] ?? "application/json",
        // CouchDB reads a body of known length more than twice as fast.
        ...(headers["content-length"] !== undefined && headers["content-encoding"] === undefined && {
          "content-length": headers["content-length"]
        })
      },
      body,
      ...about
    })).pipe(
      Effect.as<Outcome>({ _tag: "Written", version }),
      Effect.catchIf(
        (error) => documentErrors.has(error._tag),
        (error) => Effect.succeed<Outcome>({ _tag: "Refused", version, error })
      )
    )
  }).pipe(
    Effect.scoped,
    Effect.retry({ schedule: defaultRetry, while: isTransient })
  )
}
