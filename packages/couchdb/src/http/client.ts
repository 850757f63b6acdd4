import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { documentPath, documentRoute } from "../data/documentPath.js"
import * as Auth from "./Auth.js"
import { type Attempt, exchange, makeAuthenticators } from "./auth/exchange.js"
import type { Headers } from "./auth/fixedHeaders.js"
import { ConnectionWait } from "./connectionWait.js"
import { decoded as withoutEncoding, decodedWhole } from "./contentEncoding.js"
import type { CouchRequest, Options, ReadDocument, ReadJson, Service } from "./CouchHttp.js"
import { currentAuth } from "./currentAuth.js"
import { type HttpError, TimeoutError, TransportError, type UnexpectedResponseError } from "./errors.js"
import { longestLine, sendable } from "./headerCheck.js"
import { makeLedger } from "./ledger.js"
import { makeOutcomes, type WriteError } from "./lostWrites.js"
import { readJson } from "./rawDocument.js"
import { fromResponse, isIdentified, redirection, type Reply, unexpectedResponse } from "./responseError.js"
import { defaultRetry, endingBefore, isNothingSent, isTransient, retryTransient } from "./retry.js"
import { isSilent, type Server, traced } from "./tracing.js"
import * as Transport from "./Transport.js"
import { unconflicted } from "./unconflicted.js"

export const withAuth: {
  (auth: Auth.Auth): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, auth: Auth.Auth): Effect.Effect<A, E, R>
} = dual(
  2,
  <A, E, R>(self: Effect.Effect<A, E, R>, auth: Auth.Auth) => Effect.locally(self, currentAuth, Option.some(auth))
)

/** A percent sign that escapes nothing stands for itself. */
const unescaped = (text: string): string =>
  text.replace(
    /(?:%[0-9a-fA-F]{2})+/g,
    (escaped) => Option.getOrElse(decoded(escaped), () => escaped)
  )

const decoded = Option.liftThrowable(decodeURIComponent)

const addressOf = ({ origin, pathname }: URL) => {
  const prefix = pathname.replace(/\/+$/, "")
  return { origin, prefix, base: origin + prefix }
}

/** The URL without its credentials, which become an `Auth`. */
const locate = (options: Options): Option.Option<Server & { readonly auth: Auth.Auth }> => {
  if (!URL.canParse(options.url)) return Option.none()
  const url = new URL(options.url)
  if (url.protocol !== "http:" && url.protocol !== "https:") return Option.none()
  // A raw #, ? or / ended the password early, and parts of it would be shown as host, port and path.
  if (url.search !== "" || url.hash !== "" || url.pathname.includes("@")) return Option.none()
  const auth = options.auth ??
    (url.username === ""
      ? Auth.none
      : Auth.basic(unescaped(url.username), Redacted.make(unescaped(url.password))))
  return Option.some({
    ...addressOf(url),
    address: url.hostname,
    port: url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port),
    auth
  })
}

/** The body, and whether anybody has read of it, where it is a stream. */
const watched = ({ body }: CouchRequest) => {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    return { body, streams: false, read: () => false }
  }
  let begun = false
  const watched = Stream.onStart(
    body,
    Effect.sync(() => {
      begun = true
    })
  )
  return { body: watched, streams: true, read: () => begun }
}

/**
 * What can be closed before its scope is. Where it fails or is interrupted it is closed at once, since a connection that
 * is held until the caller's scope ends may be one that the next attempt waits for.
 */
const opened = <A, E>(
  open: Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<{ readonly value: A; readonly close: Effect.Effect<void> }, E, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.flatMap(Effect.scope, (outer) => Scope.fork(outer, ExecutionStrategy.sequential)),
      (scope) =>
        Effect.map(
          Effect.onError(restore(Scope.extend(open, scope)), (cause) => Scope.close(scope, Exit.failCause(cause))),
          (value) => ({ value, close: Scope.close(scope, Exit.void) })
        )
    )
  )

const attempted = <E>(
  open: Effect.Effect<Transport.StreamedResponse, E, Scope.Scope>
): Effect.Effect<Attempt<Transport.StreamedResponse>, E, Scope.Scope> =>
  Effect.map(opened(open), ({ close, value: response }) => ({
    response,
    settled: Effect.ensuring(
      Effect.match(readRefusal(response), {
        onFailure: (error) => ({ ...response, body: Stream.fail(error) }),
        onSuccess: (body) => ({ ...response, body: Stream.make(body) })
      }),
      close
    )
  }))

/** The longest that a timer of JavaScript waits. Beyond that it fires at once. */
const longest = 2 ** 31 - 1

/** How long a call may take. What no timer waits for has no end. */
const bounded = (timeout: Duration.DurationInput): Duration.Duration =>
  Duration.greaterThan(timeout, longest) ? Duration.infinity : Duration.decode(timeout)

const nothing: Headers = {}

/** A request whose wait for a connection is tracked. */
interface Tracked extends CouchRequest {
  readonly wait?: ConnectionWait | undefined
}

const isSafe = (request: CouchRequest): boolean =>
  request.method === "GET" || request.method === "HEAD" || request.safe === true

const notDocument = "the response is not the document"

const isDocument = (json: ReadJson | undefined, id: string): json is ReadJson => {
  const plain = json?.plain
  return typeof plain === "object" && plain !== null && "_id" in plain && plain._id === id && "_rev" in plain
}

/** What is wrong with a successful response. A HEAD has no body, so that its headers must identify CouchDB. */
const problemOf = (request: CouchRequest, response: Transport.BufferedResponse): string | undefined =>
  request.verify === undefined || response.status === 304
    ? undefined
    : request.method === "HEAD" && !isIdentified(response.headers)
    ? "its headers do not identify CouchDB"
    : request.verify(response)

const succeeded = (request: CouchRequest, status: number): boolean =>
  (status >= 200 && status < 300) || (status === 304 && request.headers?.["if-none-match"] !== undefined)

export const make = (options: Options): Effect.Effect<Service, never, Transport.Transport | Scope.Scope> =>
  Effect.map(Transport.Transport, (plain) => {
    const checked = sendable(plain, options.maxLineLength ?? longestLine)
    const transport = options.transformTransport?.(checked) ?? checked
    const located = locate(options)
    if (Option.isNone(located)) return unusable
    return over(transport, located.value, options)
  })

/** A service for a URL that is none: every request says so. */
const unusable: Service = {
  execute: (request) => noUrl(request.method, request.path),
  stream: (request) => noUrl(request.method, request.path),
  readDocument: ({ database, id }) => noUrl("GET", documentPath(database, id)),
  writeDocument: ({ database, id }) => noUrl("PUT", documentPath(database, id))
}

const noUrl = (method: string, path: string): Effect.Effect<never, TransportError> =>
  Effect.fail(new TransportError({ method, path, reason: "InvalidUrl", description: invalidUrl }))

const invalidUrl =
  "expected http://host:port; write #, ?, [, @, : and / in a user name or password percent-encoded, or " +
  "give them as COUCHDB_USER and COUCHDB_PASSWORD"

const over = (
  transport: Transport.Service,
  server: Server & { readonly auth: Auth.Auth },
  options: Options
): Service => {
  const deadline = bounded(options.timeout ?? "1 minute")
  const retry = options.retry === "none" ? undefined : retryTransient(options.retry ?? defaultRetry, deadline)

  // A transport that was wrapped may take its time where the one below does not see it.
  const kept = transport.keepsDeadlines === true && options.transformTransport === undefined &&
      Duration.isFinite(deadline)
    ? Duration.toMillis(deadline)
    : undefined

  const headersOf = (request: CouchRequest, credentials: Headers, trace: Headers): Headers => ({
    accept: "application/json",
    ...(request.body !== undefined && { "content-type": "application/json" }),
    ...credentials,
    ...trace,
    ...request.headers
  })

  const toTransport = (
    request: Tracked,
    credentials: Headers,
    trace: Headers
  ): Transport.TransportRequest => ({
    method: request.method,
    origin: server.origin,
    path: server.prefix + request.path,
    headers: headersOf(request, credentials, trace),
    body: request.body,
    kind: request.kind,
    onWaiting: request.wait?.attempt()
  })

  // The headers of most requests are those of the one before.
  const usual = new WeakMap<Headers, { readonly bare: Headers; readonly json: Headers }>()
  const usualHeaders = (request: CouchRequest | undefined, credentials: Headers): Headers => {
    if (request?.headers !== undefined) return headersOf(request, credentials, nothing)
    let known = usual.get(credentials)
    if (known === undefined) {
      const bare = { accept: "application/json", ...credentials }
      known = { bare, json: { ...bare, "content-type": "application/json" } }
      usual.set(credentials, known)
    }
    return request?.body === undefined ? known.bare : known.json
  }

  /** The failure that a response is, or `undefined` if it is CouchDB's own and reports a success. */
  const failureOf = (request: CouchRequest) =>
  (
    response: Transport.BufferedResponse & Pick<Reply, "cookie">
  ): Effect.Effect<never, HttpError> | undefined => {
    const succeeds = succeeded(request, response.status)
    const problem = redirection(request, response) ?? (succeeds ? problemOf(request, response) : undefined)
    if (succeeds && problem === undefined) return undefined
    const reply = { ...response, server: server.base }
    const error = (now?: number) =>
      problem === undefined ? fromResponse(request, reply, now) : unexpectedResponse(request, reply, problem, now)
    // `Retry-After` may be a date.
    return response.headers["retry-after"] === undefined
      ? Effect.fail(error())
      : Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.fail(error(now)))
  }

  const received = (request: CouchRequest, asked: Transport.TransportRequest) =>
    Effect.flatMap(transport.request(asked), (response) => encoded(request, response) ?? Effect.succeed(response))

  const authenticators = makeAuthenticators((request, headers) =>
    Effect.map(
      traced(server, request, (trace) => received(request, toTransport(request, headers, trace)), failureOf(request)),
      (response) => ({ ...response, server: server.base })
    )
  )
  const ownAuthenticator = authenticators(server.auth)

  /** Sends with the credentials of the fiber, or with one's own. */
  const authenticated = <Response extends { readonly status: number; readonly headers: Headers }, R>(
    request: CouchRequest,
    trace: Headers,
    send: (request: Transport.TransportRequest) => Effect.Effect<Attempt<Response>, TransportError, R>
  ): Effect.Effect<Response, HttpError, R> =>
    Effect.withFiberRuntime((fiber) => {
      const auth = fiber.getFiberRef(currentAuth)
      const { body, read, streams } = watched(request)
      return exchange(
        Option.isSome(auth) ? authenticators(auth.value) : ownAuthenticator,
        { streams, read },
        (headers) => send(toTransport({ ...request, body }, headers, trace))
      )
    })

  const statusOf = (request: CouchRequest, response: Transport.BufferedResponse) =>
    failureOf(request)(response) ?? Effect.succeed(response)

  const checked = (request: CouchRequest) => (response: Transport.BufferedResponse) => {
    const coded = encoded(request, response)
    return coded === undefined
      ? statusOf(request, response)
      : Effect.flatMap(coded, (response) => statusOf(request, response))
  }

  /** The headers of the fiber's credentials, where nobody listens and nothing has to be renewed: then there is only the exchange. */
  const plainly = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): Headers | undefined => {
    if (!isSilent(fiber)) return undefined
    const auth = fiber.getFiberRef(currentAuth)
    const authenticator = Option.isSome(auth) ? authenticators(auth.value) : ownAuthenticator
    return authenticator._tag === "Fixed" ? authenticator.headers : undefined
  }

  const onWire = (
    request: Tracked,
    credentials: Headers,
    deadline: number | undefined
  ): Transport.TransportRequest => ({
    method: request.method,
    origin: server.origin,
    path: server.prefix + request.path,
    headers: usualHeaders(request, credentials),
    body: request.body,
    deadline,
    kind: request.kind,
    onWaiting: request.wait?.attempt()
  })

  /**
   * One exchange, its status mapped, no retry; with no deadline but one that the transport keeps. A HEAD that does not
   * identify CouchDB has no body to verify, and is asked again as a GET.
   */
  const send = (
    request: Tracked,
    deadline?: number
  ): Effect.Effect<Transport.BufferedResponse, HttpError> =>
    request.method === "HEAD" && request.verify !== undefined
      ? Effect.catchTag(
        sendOnce(request, deadline),
        "UnexpectedResponseError",
        () => sendOnce({ ...request, method: "GET" }, deadline)
      )
      : sendOnce(request, deadline)

  const sendOnce = (
    request: Tracked,
    deadline?: number
  ): Effect.Effect<Transport.BufferedResponse, HttpError> =>
    Effect.withFiberRuntime((fiber) => {
      const credentials = plainly(fiber)
      return credentials !== undefined
        ? Effect.flatMap(transport.request(onWire(request, credentials, deadline)), checked(request))
        : deadline === undefined
        ? sendSeen(request)
        : inTime(request, sendSeen)
    })

  const sendSeen = (request: Tracked): Effect.Effect<Transport.BufferedResponse, HttpError> =>
    traced(
      server,
      request,
      (trace) =>
        authenticated(request, trace, (asked) =>
          Effect.map(received(request, asked), (response) => ({
            response,
            settled: Effect.succeed(response)
          }))),
      failureOf(request)
    )

  const deadlineOf = ({ timeout }: CouchRequest): Duration.Duration =>
    timeout === undefined ? deadline : bounded(timeout)

  const outOfTime = (request: CouchRequest, within = deadlineOf(request)): TimeoutError =>
    new TimeoutError({
      server: server.base,
      method: request.method,
      path: request.path,
      milliseconds: Duration.toMillis(within)
    })

  const late = (request: CouchRequest, wait: ConnectionWait, within?: Duration.Duration) => {
    const milliseconds = Duration.toMillis(deadlineOf(request))
    return wait.waitsFor === undefined ? outOfTime(request, within) : new TransportError({
      server: server.base,
      method: request.method,
      path: request.path,
      ...(wait.waitsFor === "pool"
        ? { reason: "PoolExhausted", description: `no connection was free for ${milliseconds} ms` }
        : { reason: "Connection", description: `none within ${milliseconds} ms` })
    })
  }

  /**
   * Fails when the time of a feed is over. A feed has the same time once more from when it has a connection, so that the
   * wait for one is not taken for a silent server.
   */
  const expiry = (request: CouchRequest, wait: ConnectionWait, within: Duration.Duration) =>
    Effect.flatMap(
      Effect.sleep(within),
      () =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const left = wait.connectedAt + Duration.toMillis(within) - now
          return wait.waitsFor === undefined && wait.connectedAt > 0 && left > 0
            ? Effect.zipRight(Effect.sleep(left), Effect.failSync(() => late(request, wait)))
            : Effect.fail(late(request, wait))
        })
    )

  const inTime = <A, E, R>(
    request: CouchRequest,
    effect: (request: Tracked) => Effect.Effect<A, E, R>,
    within = deadlineOf(request),
    before?: HttpError
  ): Effect.Effect<A, E | TimeoutError | TransportError, R> =>
    Duration.isFinite(within)
      ? Effect.withFiberRuntime((fiber) => {
        const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
        const wait = new ConnectionWait(
          () => clock.unsafeCurrentTimeMillis(),
          before && (isNothingSent(before) ? "connection" : "sent")
        )
        const timed = effect({ ...request, wait })
        return request.kind === "feed"
          ? Effect.raceFirst(timed, expiry(request, wait, within))
          : Effect.timeoutFail(timed, { duration: within, onTimeout: () => late(request, wait, within) })
      })
      : effect(request)

  /** What follows where a first try failed whose deadline the transport kept: the rest of the time is for the others. */
  const settled = <A, E extends HttpError>(
    request: CouchRequest,
    error: E,
    recovered: (error: E, tracked: Tracked) => Effect.Effect<A, E>,
    remaining: () => number
  ): Effect.Effect<A, E | TimeoutError | TransportError> =>
    error._tag === "TransportError" && error.reason === "Deadline"
      ? Effect.fail(outOfTime(request))
      // A timer may fire slightly early.
      : isNothingSent(error) && remaining() < 2
      ? Effect.fail(error)
      : isTransient(error)
      ? inTime(
        request,
        (tracked) => recovered(error, tracked),
        Duration.millis(Math.max(0, remaining())),
        error
      )
      : Effect.fail(error)

  /** How much is left of the time that begins now. */
  const countdown = <A, E>(fiber: Fiber.RuntimeFiber<A, E>, kept: number): () => number => {
    const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
    const begun = clock.unsafeCurrentTimeMillis()
    return () => kept - (clock.unsafeCurrentTimeMillis() - begun)
  }

  /**
   * A first try whose deadline the transport keeps, and what follows where it failed, within the rest of the time. So a
   * call that succeeds at once costs no fiber that waits beside it.
   */
  const quickly = <A, E extends HttpError>(
    request: CouchRequest,
    first: Effect.Effect<A, E>,
    recovered: (error: E, tracked: Tracked) => Effect.Effect<A, E>,
    kept: number
  ): Effect.Effect<A, E | TimeoutError | TransportError> =>
    Effect.withFiberRuntime((fiber) => {
      const remaining = countdown(fiber, kept)
      return Effect.catchAll(first, (error: E) => settled(request, error, recovered, remaining))
    })

  const retrying = <A, R>(
    request: CouchRequest,
    effect: Effect.Effect<A, HttpError, R>
  ): Effect.Effect<A, HttpError, R> => retry !== undefined && isSafe(request) ? Effect.retry(effect, retry) : effect

  /** The retries after a first failure. */
  const retryingAfter = (failure: HttpError, request: Tracked) => {
    let known: HttpError | undefined = failure
    return retrying(
      request,
      Effect.suspend(() => {
        const error = known
        known = undefined
        return error === undefined ? send(request) : Effect.fail(error)
      })
    )
  }

  const execute: Service["execute"] = (request) => {
    const answered = kept === undefined || request.timeout !== undefined
      ? inTime(request, (request) => retrying(request, send(request)))
      : quickly(request, send(request, kept), retryingAfter, kept)
    return request.route === "/{db}" && request.database !== undefined &&
        (request.method === "PUT" || request.method === "DELETE")
      ? Effect.ensuring(answered, Effect.sync(() => outcomes.forget(request.database ?? "")))
      : answered
  }

  const getOf = ({ database, id, query }: ReadDocument): CouchRequest => ({
    method: "GET",
    path: documentPath(database, id) + query,
    route: documentRoute(id),
    database,
    id,
    verify: (response) => isDocument(readJson(Transport.text(response)), id) ? undefined : notDocument
  })

  const jsonIn = (
    read: ReadDocument,
    response: Transport.BufferedResponse
  ): Either.Either<ReadJson, UnexpectedResponseError> => {
    const json = readJson(Transport.text(response))
    return isDocument(json, read.id)
      ? Either.right(json)
      : Either.left(unexpectedResponse(getOf(read), { ...response, server: server.base }, notDocument))
  }

  const jsonOf = <E>(read: ReadDocument, answered: Effect.Effect<Transport.BufferedResponse, E>) =>
    Effect.flatMap(answered, (response) => jsonIn(read, response))

  /** The read that programs do most: one step of the fiber to the transport, and one back. */
  const readDocument: Service["readDocument"] = (read) =>
    Effect.withFiberRuntime((fiber) => {
      const credentials = kept === undefined ? undefined : plainly(fiber)
      if (kept === undefined || credentials === undefined) {
        return jsonOf(read, unconflicted(execute(getOf(read))))
      }
      const clock = Context.unsafeGet(fiber.currentDefaultServices, Clock.Clock)
      const begun = clock.unsafeCurrentTimeMillis()
      const failed = (request: CouchRequest, error: HttpError) =>
        jsonOf(
          read,
          unconflicted(
            settled(request, error, retryingAfter, () => kept - (clock.unsafeCurrentTimeMillis() - begun))
          )
        )
      return Effect.matchEffect(
        transport.request({
          method: "GET",
          origin: server.origin,
          path: server.prefix + documentPath(read.database, read.id) + read.query,
          headers: usualHeaders(undefined, credentials),
          deadline: kept
        }),
        {
          onFailure: (error) => failed(getOf(read), error),
          onSuccess: (response) => {
            if (response.headers["content-encoding"] !== undefined) {
              const request = getOf(read)
              return Effect.matchEffect(checked(request)(response), {
                onFailure: (error) => failed(request, error),
                onSuccess: (response) => jsonIn(read, response)
              })
            }
            if (response.status === 200) {
              const json = jsonIn(read, response)
              return Either.isRight(json) ? json : failed(getOf(read), json.left)
            }
            const request = getOf(read)
            return Effect.catchAll(
              failureOf(request)(response) ??
                Effect.fail(unexpectedResponse(request, { ...response, server: server.base }, notDocument)),
              (error) => failed(request, error)
            )
          }
        }
      )
    })

  /** The failure that a streamed response is. The body of a refusal is small, and is read to its end. */
  const failureOfStream = (request: CouchRequest) =>
  (
    response: Transport.StreamedResponse
  ): Effect.Effect<never, HttpError> | undefined =>
    succeeded(request, response.status)
      ? failureOf(request)({ ...response, body: "" })
      : Effect.flatMap(
        readRefusal(response),
        (body) =>
          failureOf(request)({ ...response, body }) ??
            Effect.fail(unexpectedResponse(request, response, "it is not a success"))
      )

  // The deadline is that of the headers: a body may take as long as somebody reads it.
  const stream: Service["stream"] = (request) =>
    inTime(request, (request) =>
      retrying(
        request,
        Effect.map(
          opened(
            traced(
              server,
              request,
              (trace) =>
                authenticated(request, trace, (asked) =>
                  attempted(Effect.map(transport.stream(asked), (response) => readable(request, response)))),
              failureOfStream(request)
            )
          ),
          ({ value }) => ({ ...value, server: server.base })
        )
      ))

  const ledger = makeLedger()
  /** Sends requests as part of a tracked call. */
  const sending = ({ wait }: Tracked) => (request: CouchRequest) => Effect.suspend(() => send({ ...request, wait }))

  const outcomes = makeOutcomes({
    retry: retry && endingBefore(retry, deadline),
    ledger,
    server: server.base
  })

  return {
    server: server.base,
    turns: { queues: new Map(), together: undefined },
    ledger,
    execute,
    stream,
    readDocument,
    writeDocument: (write) => {
      const { first, recovered, request } = outcomes.write(write)
      const recoveredBy = (error: WriteError, tracked: Tracked) => recovered(error, sending(tracked))
      return kept === undefined
        ? inTime(request, (tracked) => Effect.catchAll(first(sending(tracked)), (error) => recoveredBy(error, tracked)))
        : quickly(request, first((request) => send(request, kept)), recoveredBy, kept)
    }
  }
}

/** The answer as it is to be read, if something on the way compressed it unasked. */
const encoded = (
  request: CouchRequest,
  response: Transport.BufferedResponse
): Effect.Effect<Transport.BufferedResponse, TransportError> | undefined =>
  response.headers["content-encoding"] === undefined ||
    (request.headers?.["accept-encoding"] !== undefined && succeeded(request, response.status))
    ? undefined
    : decodedWhole(request, response)

/**
 * The body as it is to be read: only who asks for an encoding gets one. A refusal is one by its status, whatever became of
 * its body.
 */
const readable = (request: CouchRequest, response: Transport.StreamedResponse): Transport.StreamedResponse => {
  if (response.headers["content-encoding"] === undefined) return response
  if (succeeded(request, response.status)) {
    return request.headers?.["accept-encoding"] === undefined ? withoutEncoding(request, response) : response
  }
  const plain = withoutEncoding(request, response)
  return { ...plain, body: Stream.catchAll(plain.body, () => Stream.empty) }
}

/** The body of a refusal is small: it is read whole. */
const readRefusal = (response: Transport.StreamedResponse): Effect.Effect<Uint8Array, TransportError> =>
  Stream.runFold(Stream.take(response.body, 64), new Uint8Array(0), (all, chunk) => {
    const both = new Uint8Array(all.length + chunk.length)
    both.set(all)
    both.set(chunk, all.length)
    return both
  })
