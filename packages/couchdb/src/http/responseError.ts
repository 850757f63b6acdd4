import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { withoutCredentials } from "../data/text.js"
import type { CouchRequest } from "./CouchHttp.js"
import * as Errors from "./errors.js"
import { tlsPort } from "./hints/unexpectedResponse.js"
import * as Transport from "./Transport.js"

/**
 * A response, and the server of the request. `cookie` is `hidden` if the request was to carry a session cookie that
 * scripts cannot read, and the server does not recognize it.
 */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
  readonly server?: string | undefined
  readonly cookie?: "hidden" | undefined
  readonly redirectedTo?: string | undefined
}

type Target = Pick<CouchRequest, "method" | "path" | "database" | "id">

/** Whether a response has headers that only CouchDB sends. A proxy replaces `Server`, and passes the others on. */
export const isIdentified = (headers: Reply["headers"]): boolean =>
  headers["x-couch-request-id"] !== undefined || headers["x-couchdb-body-time"] !== undefined ||
  /^couchdb\//i.test(headers["server"] ?? "")

/**
 * The values of CouchDB's `error` for statuses that a decision depends on. Other services may send JSON of this shape.
 */
const knownErrors: { readonly [status: number]: RegExp } = {
  401: /^unauthorized$/,
  403: /^(?:forbidden|partition_overflow)$/,
  404: /^not_found$/,
  409: /^(?:conflict|not_found)$/,
  412: /^(?:file_exists|missing_stub|nodedown)$/,
  413: /^(?:too_large|attachment_too_large|document_too_large)$/
}

/** The fields that all response errors share. */
export const errorResponseOf = (
  { database, error, id, method, path, reason, server, status }: Errors.ErrorResponse
): Errors.ErrorResponse => ({
  ...(server !== undefined && { server }),
  method,
  path,
  status,
  error,
  reason,
  ...(database !== undefined && { database }),
  ...(id !== undefined && { id })
})

interface ErrorAndReason {
  readonly error: string
  readonly reason: string
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined

/**
 * CouchDB's `error` and `reason`, or `undefined` if the response is not CouchDB's. The response to a refused bulk
 * request is an array, whose first refused row counts. A HEAD has no body, so its headers must identify CouchDB.
 */
const errorAndReason = (method: string, reply: Reply): ErrorAndReason | undefined => {
  const identified = isIdentified(reply.headers)
  if (method === "HEAD") return identified ? { error: "unknown", reason: "unknown" } : undefined
  const json = parsed(Transport.text(reply))
  const object: unknown = Array.isArray(json)
    ? json.find((row) => typeof memberOf(row, "error") === "string")
    : json
  const status = memberOf(object, "status")
  // The response of `/_up` in maintenance mode.
  if (reply.status === 404 && typeof status === "string" && /^(?:maintenance_mode|nolb|seeding)$/.test(status)) {
    return { error: "not_found", reason: status }
  }
  const error = memberOf(object, "error")
  const reason = memberOf(object, "reason")
  if (typeof error !== "string") return undefined
  // Some internal failures of CouchDB have no reason, or one that is not a string.
  if (identified) return { error, reason: typeof reason === "string" ? withoutSecrets(reason) : "no reason given" }
  return typeof reason === "string" && (knownErrors[reply.status]?.test(error) ?? true)
    ? { error, reason: withoutSecrets(reason) }
    : undefined
}

/** Removes a password that is not a string, and credentials in URLs: CouchDB's reasons repeat them. */
const withoutSecrets = (reason: string): string =>
  withoutCredentials(reason).replace(/^(Password|Salt) value of .*$/s, "$1 value is invalid")

/** The target of a redirect, without credentials and query. */
const withoutQuery = (location: string): string =>
  URL.canParse(location) ? new URL(location).origin + new URL(location).pathname : location.split(/[?#]/)[0] ?? ""

/** The response of nginx, Apache, and servers and proxies in Go to plain HTTP on a TLS port. */
const wantsTls =
  /plain HTTP request was sent to HTTPS port|speaking plain HTTP to an SSL-enabled|an HTTP request to an HTTPS server/

/** What is wrong with a response that is not CouchDB's own. */
const problemOf = (method: string, reply: Reply): string => {
  const { body, headers, status } = reply
  const { location } = headers
  if (status === 0) return "redirected, and the browser does not say where"
  if (status >= 300 && status < 400 && location !== undefined) return `redirected to ${withoutQuery(location)}`
  if (method === "HEAD") return "its headers do not identify CouchDB"
  if (status === 400 && wantsTls.test(Transport.text(reply))) return tlsPort
  return body.length === 0
    ? "the response has no body"
    : `the response is not CouchDB's JSON (${body.length} ${typeof body === "string" ? "characters" : "bytes"})`
}

/**
 * Why the response to a redirected request may not be the response to the original one. `fetch` may change other
 * methods to GET when it follows a redirect, and sends no credentials to another origin.
 */
export const redirection = (
  { method }: Target,
  { redirectedTo, status }: Omit<Reply, "body">
): string | undefined => {
  if (redirectedTo === undefined) return undefined
  if (status === 401) return "no credentials are sent there"
  if (method === "GET" || method === "HEAD") return undefined
  return method === "POST" || status < 200 || status >= 300
    ? `the response may be the one to a GET instead of the ${method}`
    : undefined
}

/** `Retry-After`, in seconds or as a date. `now` is in milliseconds, for servers that do not send their own `Date`. */
const retryAfter = (headers: Reply["headers"], now: number): Option.Option<Duration.Duration> => {
  const text = headers["retry-after"]?.trim() ?? ""
  if (/^\d+$/.test(text)) return Option.some(Duration.seconds(Number(text)))
  const at = Date.parse(text)
  if (!/[a-z]/i.test(text) || Number.isNaN(at)) return Option.none()
  const sent = Date.parse(headers["date"] ?? "")
  return Option.some(Duration.millis(Math.max(0, at - (Number.isNaN(sent) ? now : sent))))
}

const truncated = (text: string): string => text.length > 80 ? `${text.slice(0, 80)}…` : text

/** The error of a response that is not CouchDB's own, or not the one that its endpoint documents. */
export const unexpectedResponse = (
  request: Target,
  reply: Omit<Reply, "body">,
  problem: string,
  now = 0
): Errors.UnexpectedResponseError => {
  const contentType = reply.headers["content-type"]
  const responder = reply.headers["server"]
  const wait = reply.headers["retry-after"] === undefined ? Option.none() : retryAfter(reply.headers, now)
  return new Errors.UnexpectedResponseError({
    ...(reply.server !== undefined && { server: reply.server }),
    method: request.method,
    path: request.path,
    status: reply.status,
    ...(contentType !== undefined && { contentType: truncated(contentType) }),
    ...(responder !== undefined && { responder: truncated(responder) }),
    problem: reply.redirectedTo === undefined
      ? problem
      : `redirected to ${withoutQuery(reply.redirectedTo)}: ${problem}`,
    ...(Option.isSome(wait) && { retryAfter: wait }),
    ...(request.database !== undefined && { database: request.database }),
    ...(request.id !== undefined && { id: request.id })
  })
}

/** Only its reason identifies the 403 of a locked account. */
const lockedAccount = "Account is temporarily locked"

const refusedInternally = /^\{error,\{(forbidden|unauthorized),<<"(.*)">>\}\}$/

const refusedIndex = /: (forbidden|unauthorized)$/

/** The error of a 500 in which CouchDB reports that one of its internal requests was refused for the user. */
const internalRefusal = (details: Errors.ErrorResponse): Errors.HttpError | undefined => {
  const found = details.error === "badmatch"
    ? refusedInternally.exec(details.reason)
    : details.error === "error_saving_ddoc"
    ? refusedIndex.exec(details.reason)
    : null
  if (found === null) return undefined
  const [, kind, reason = details.reason] = found
  return kind === "forbidden"
    ? new Errors.ForbiddenError({ ...details, reason })
    : new Errors.UnauthorizedError({ ...details, reason })
}

/**
 * Maps a response to an error. Only this function decides whether a response is CouchDB's, and what a status means.
 * `now` is in milliseconds.
 */
export const fromResponse = (request: Target, reply: Reply, now = 0): Errors.HttpError => {
  const own = errorAndReason(request.method, reply)
  const wait = retryAfter(reply.headers, now)
  if (own === undefined && reply.status !== 429) {
    return unexpectedResponse(request, reply, problemOf(request.method, reply), now)
  }
  const details: Errors.ErrorResponse = {
    ...(reply.server !== undefined && { server: reply.server }),
    method: request.method,
    path: request.path,
    status: reply.status,
    ...(own ?? { error: "too_many_requests", reason: problemOf(request.method, reply) }),
    ...(request.database !== undefined && { database: request.database }),
    ...(request.id !== undefined && { id: request.id })
  }
  const failed = () => new Errors.ServerError({ ...details, ...(Option.isSome(wait) && { retryAfter: wait }) })
  switch (reply.status) {
    case 401:
      return new Errors.UnauthorizedError({
        ...details,
        ...(reply.cookie !== undefined && { cookie: reply.cookie })
      })
    case 403:
      return details.reason.startsWith(lockedAccount)
        ? new Errors.AccountLockedError(details)
        : new Errors.ForbiddenError(details)
    case 404:
      return new Errors.NotFoundError(details)
    // A request that arrived too late or too early is retried like one that failed on the server.
    case 408:
    case 425:
      return failed()
    case 409:
      return new Errors.UpdateConflictError(details)
    case 412:
      return details.error === "missing_stub"
        ? new Errors.MissingStubError(details)
        : new Errors.PreconditionFailedError(details)
    case 413:
      return new Errors.PayloadTooLargeError(details)
    case 415:
      return new Errors.UnsupportedMediaTypeError(details)
    case 416:
      return new Errors.RangeNotSatisfiableError(details)
    case 417:
      return new Errors.ExpectationFailedError(details)
    case 429:
      return new Errors.TooManyRequestsError({ ...details, retryAfter: wait })
    case 500:
      return internalRefusal(details) ?? failed()
    default:
      return reply.status >= 400 && reply.status < 500 ? new Errors.BadRequestError(details) : failed()
  }
}
