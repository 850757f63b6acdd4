import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { documentPath } from "../data/path.js"
import type * as Auth from "./Auth.js"
import type { CouchRequest, Options, Service } from "./CouchHttp.js"
import { currentAuth } from "./currentAuth.js"
import { Deadlines, decodeTimeout, type TrackedRequest } from "./deadline.js"
import { type HttpError, TransportError } from "./errors.js"
import { Exchange } from "./exchange.js"
import { defaultMaxLineLength, withRequestChecks } from "./headerCheck.js"
import { makeReadDocument } from "./readDocument.js"
import { defaultRetry, endingBefore, retryTransient } from "./retry.js"
import { locate, type Server } from "./server.js"
import { makeWriteState, withState, type WriteState } from "./serviceState.js"
import * as Transport from "./Transport.js"
import { writeDocument, type WriteError } from "./writeDocument.js"

export const withAuth: {
  (auth: Auth.Auth): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, auth: Auth.Auth): Effect.Effect<A, E, R>
} = dual(
  2,
  <A, E, R>(self: Effect.Effect<A, E, R>, auth: Auth.Auth) => Effect.locally(self, currentAuth, Option.some(auth))
)

export const make = (options: Options): Effect.Effect<Service, never, Transport.Transport | Scope.Scope> =>
  Effect.map(Transport.Transport, (plain) => {
    const checked = withRequestChecks(plain, options.maxLineLength ?? defaultMaxLineLength)
    const transport = options.transformTransport?.(checked) ?? checked
    return Option.match(locate(options), {
      onNone: () => withoutServer,
      onSome: ({ auth, server }) => makeService(transport, server, auth, options)
    })
  })

const invalidUrl =
  "expected http://host:port; write #, ?, [, @, : and / in a user name or password percent-encoded, or " +
  "give them as COUCHDB_USER and COUCHDB_PASSWORD"

const failWithInvalidUrl = (method: string, path: string): Effect.Effect<never, TransportError> =>
  Effect.fail(new TransportError({ method, path, reason: "InvalidUrl", description: invalidUrl }))

/** The service for an invalid URL: every request fails. */
const withoutServer: Service = {
  execute: (request) => failWithInvalidUrl(request.method, request.path),
  stream: (request) => failWithInvalidUrl(request.method, request.path),
  readDocument: ({ database, id }) => failWithInvalidUrl("GET", documentPath(database, id)),
  writeDocument: ({ database, id }) => failWithInvalidUrl("PUT", documentPath(database, id))
}

/** Composes the decorators of a request: deadline, then retry, then one exchange. */
const makeService = (
  transport: Transport.Service,
  server: Server,
  auth: Auth.Auth,
  options: Options
): Service => {
  const timeout = decodeTimeout(options.timeout ?? "1 minute")
  const schedule = options.retry === "none" ? undefined : retryTransient(options.retry ?? defaultRetry, timeout)
  const deadlines = new Deadlines(server.base, timeout)
  const exchange = new Exchange(transport, server, auth, deadlines)
  const state = { updates: { queues: new Map(), combineScope: undefined }, writes: makeWriteState() }
  const { withRetry, retryAfter } = retrying(exchange, schedule)

  // A transformation of the transport may take time that the transport does not measure.
  const transportDeadline = transport.keepsDeadlines === true && options.transformTransport === undefined &&
      Duration.isFinite(timeout)
    ? Duration.toMillis(timeout)
    : undefined

  const execute: Service["execute"] = (request) =>
    forgettingDatabase(
      state.writes,
      request,
      transportDeadline === undefined || request.timeout !== undefined
        ? deadlines.withDeadline(request, (request) => withRetry(request, exchange.send(request)))
        : deadlines.withTransportDeadline(
          request,
          exchange.send(request, transportDeadline),
          retryAfter,
          transportDeadline
        )
    )

  // The deadline of a stream is that of its headers: reading the body may take any time.
  const stream: Service["stream"] = (request) =>
    deadlines.withDeadline(request, (request) =>
      withRetry(
        request,
        Effect.map(exchange.stream(request), (response) => ({ ...response, server: server.base }))
      ))

  const readDocument = makeReadDocument({
    transport,
    server,
    exchange,
    deadlines,
    transportDeadline,
    execute,
    retryAfter
  })

  const writes = { schedule: schedule && endingBefore(schedule, timeout), state: state.writes, server: server.base }
  const write = makeWriteDocument(writes, exchange, deadlines, transportDeadline)
  return withState({ server: server.base, execute, stream, readDocument, writeDocument: write }, state)
}

/** Writes a document: a first request within the deadline, then the recovery if its response was lost. */
const makeWriteDocument = (
  writes: Parameters<typeof writeDocument>[0],
  exchange: Exchange,
  deadlines: Deadlines,
  transportDeadline: number | undefined
): Service["writeDocument"] => {
  const sendFirst = exchange.sender(transportDeadline)
  const sending = ({ wait }: TrackedRequest) => (request: CouchRequest) => exchange.send({ ...request, wait })
  return (write) => {
    const { first, recovered, request } = writeDocument(writes, write)
    const recover = (error: WriteError, tracked: TrackedRequest) => recovered(error, sending(tracked))
    return transportDeadline === undefined
      ? deadlines.withDeadline(
        request,
        (tracked) => Effect.catchAll(first(sending(tracked)), (error) => recover(error, tracked))
      )
      : deadlines.withTransportDeadline(request, first(sendFirst), recover, transportDeadline)
  }
}

const isRepeatable = (request: CouchRequest): boolean =>
  request.method === "GET" || request.method === "HEAD" || request.idempotent === true

/** The decorator that retries requests that may be repeated. */
const retrying = (exchange: Exchange, schedule: ReturnType<typeof retryTransient> | undefined) => {
  const withRetry = <A, R>(
    request: CouchRequest,
    effect: Effect.Effect<A, HttpError, R>
  ): Effect.Effect<A, HttpError, R> =>
    schedule !== undefined && isRepeatable(request) ? Effect.retry(effect, schedule) : effect

  /** The retries after a first failure. */
  const retryAfter = (failure: HttpError, request: TrackedRequest) => {
    let known: HttpError | undefined = failure
    return withRetry(
      request,
      Effect.suspend(() => {
        const error = known
        known = undefined
        return error === undefined ? exchange.send(request) : Effect.fail(error)
      })
    )
  }
  return { withRetry, retryAfter }
}

/** Forgets the revisions of a database that is created or deleted: it no longer has any of them. */
const forgettingDatabase = <A, E>(
  { claimedRevisions, predictable }: WriteState,
  { database, method, route }: CouchRequest,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  route === "/{db}" && database !== undefined && (method === "PUT" || method === "DELETE")
    ? Effect.ensuring(
      effect,
      Effect.sync(() => {
        predictable.delete(database)
        claimedRevisions.release(database)
      })
    )
    : effect
