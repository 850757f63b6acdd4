import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as CouchError from "../CouchError.js"
import type { CouchRequest } from "../CouchHttp.js"
import * as Transport from "../Transport.js"

interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/**
 * CouchDB's `error` and `reason`. A refused bulk request answers an array, whose first refused row speaks for it; a
 * HEAD and a proxy's page say nothing that CouchDB would say.
 */
const words = (method: string, reply: Reply): { readonly error: string; readonly reason: string } => {
  const text = Transport.text(reply)
  const contentType = reply.headers["content-type"] ?? "no content type"
  try {
    const json: unknown = JSON.parse(text)
    const object: unknown = Array.isArray(json) ? json.find((row) => typeof row?.error === "string") : json
    if (typeof object === "object" && object !== null && "error" in object && typeof object.error === "string") {
      const reason = "reason" in object && typeof object.reason === "string" ? object.reason : "no reason given"
      return { error: object.error, reason }
    }
  } catch {
    // Not JSON: said below.
  }
  const location = reply.status >= 300 && reply.status < 400 ? reply.headers["location"] : undefined
  if (location !== undefined) return { error: "unknown", reason: `redirected to ${withoutSecrets(location)}` }
  if (text === "") return { error: "unknown", reason: method === "HEAD" ? "unknown" : "the answer has no body" }
  return { error: "unknown", reason: `the answer is not CouchDB's JSON (${contentType}, ${text.length} characters)` }
}

/** Where a redirect points, without credentials and query. */
const withoutSecrets = (location: string): string =>
  URL.canParse(location) ? new URL(location).origin + new URL(location).pathname : location.split("?")[0] ?? ""

/** `Retry-After` in seconds; its other form, a date, would need the server's clock to agree with ours. */
const retryAfter = (headers: Readonly<Record<string, string>>): Option.Option<Duration.Duration> =>
  Option.map(
    Option.filter(Option.fromNullable(headers["retry-after"]), (text) => /^\d+$/.test(text)),
    (text) => Duration.seconds(Number(text))
  )

/** CouchDB has no other sign of it. */
const lockedOut = "Account is temporarily locked"

/** The error that a response is: the one place where a status gets its meaning. */
export const fromResponse = (request: CouchRequest, reply: Reply): CouchError.HttpError => {
  const answer: CouchError.Answer = {
    method: request.method,
    path: request.path,
    status: reply.status,
    ...words(request.method, reply),
    ...(request.database !== undefined && { database: request.database }),
    ...(request.id !== undefined && { id: request.id })
  }
  switch (reply.status) {
    case 401:
      return new CouchError.UnauthorizedError(answer)
    case 403:
      return answer.reason.startsWith(lockedOut)
        ? new CouchError.AccountLockedError(answer)
        : new CouchError.ForbiddenError(answer)
    case 404:
      return new CouchError.NotFoundError(answer)
    case 409:
      return new CouchError.UpdateConflictError(answer)
    case 412:
      return answer.error === "missing_stub"
        ? new CouchError.MissingStubError(answer)
        : new CouchError.PreconditionFailedError(answer)
    case 413:
      return new CouchError.PayloadTooLargeError(answer)
    case 415:
      return new CouchError.UnsupportedMediaTypeError(answer)
    case 416:
      return new CouchError.RangeNotSatisfiableError(answer)
    case 417:
      return new CouchError.ExpectationFailedError(answer)
    case 429:
      return new CouchError.TooManyRequestsError({ ...answer, retryAfter: retryAfter(reply.headers) })
    default:
      return reply.status >= 400 && reply.status < 500
        ? new CouchError.BadRequestError(answer)
        : new CouchError.ServerError(answer)
  }
}
