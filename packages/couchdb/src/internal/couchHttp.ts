import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import { dual } from "effect/Function"
import { globalValue } from "effect/GlobalValue"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Auth from "../Auth.js"
import { type HttpError, TimeoutError, TransportError } from "../CouchError.js"
import type { CouchRequest, Options, Service } from "../CouchHttp.js"
import * as Transport from "../Transport.js"
import { type Attempt, exchange, makeAuthenticators } from "./auth/exchange.js"
import type { Headers } from "./auth/fixed.js"
import { documentPath, documentRoute } from "./documentPath.js"
import { makeOutcomes } from "./outcomes.js"
import { fromResponse } from "./responseError.js"
import { type Server, traced } from "./tracing.js"
import { defaultRetry, respectful } from "./transient.js"
import { unconflicted } from "./unconflicted.js"

const currentAuth = globalValue(
  Symbol.for("effect-couchdb/CouchHttp/currentAuth"),
  () => FiberRef.unsafeMake<Option.Option<Auth.Auth>>(Option.none())
)

export const withAuth: {
  (auth: Auth.Auth): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, auth: Auth.Auth): Effect.Effect<A, E, R>
} = dual(
  2,
  <A, E, R>(self: Effect.Effect<A, E, R>, auth: Auth.Auth) => Effect.locally(self, currentAuth, Option.some(auth))
)

/** A percent sign that escapes nothing stands for itself. */
const unescaped = (text: string): string =>
  text.replace(/(?:%[0-9a-fA-F]{2})+/g, (escaped) => {
    const decoded = Encoding.decodeUriComponent(escaped)
    return Either.isRight(decoded) ? decoded.right : escaped
  })

/** The URL without its credentials, which become an `Auth`. */
const locate = (options: Options): Option.Option<Server & { readonly auth: Auth.Auth }> => {
  if (!URL.canParse(options.url)) return Option.none()
  const url = new URL(options.url)
  if (url.protocol !== "http:" && url.protocol !== "https:") return Option.none()
  const auth = options.auth ??
    (url.username === ""
      ? Auth.none
      : Auth.basic(unescaped(url.username), Redacted.make(unescaped(url.password))))
  return Option.some({
    origin: url.origin,
    prefix: url.pathname.replace(/\/+$/, ""),
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

/** A stream that can be closed before its scope is. */
const opened = <Response, E>(
  open: Effect.Effect<Response, E, Scope.Scope>
): Effect.Effect<Attempt<Response>, E, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.flatMap(Effect.scope, (outer) => Scope.fork(outer, ExecutionStrategy.sequential)),
      (scope) =>
        Effect.map(restore(Scope.extend(open, scope)), (response) => ({
          response,
          discard: Scope.close(scope, Exit.void)
        }))
    )
  )

const isSafe = (request: CouchRequest): boolean =>
  request.method === "GET" || request.method === "HEAD" || request.safe === true

const succeeded = (request: CouchRequest, status: number): boolean =>
  (status >= 200 && status < 300) || (status === 304 && request.headers?.["if-none-match"] !== undefined)

export const make = (options: Options): Effect.Effect<Service, never, Transport.Transport | Scope.Scope> =>
  Effect.map(Transport.Transport, (plain) => {
    const transport = options.transformTransport?.(plain) ?? plain
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
  Effect.fail(new TransportError({ method, path, reason: "InvalidUrl", description: "expected http://host:port" }))

const over = (
  transport: Transport.Service,
  server: Server & { readonly auth: Auth.Auth },
  options: Options
): Service => {
  const deadline = Duration.decode(options.timeout ?? "1 minute")
  const retry = options.retry === "none" ? undefined : respectful(options.retry ?? defaultRetry, deadline)

  const toTransport = (
    request: CouchRequest,
    credentials: Headers,
    trace: Headers
  ): Transport.TransportRequest => ({
    method: request.method,
    origin: server.origin,
    path: server.prefix + request.path,
    headers: {
      accept: "application/json",
      ...(request.body !== undefined && { "content-type": "application/json" }),
      ...credentials,
      ...trace,
      ...request.headers
    },
    body: request.body
  })

  const problem = (request: CouchRequest) => (response: Transport.BufferedResponse) =>
    succeeded(request, response.status) ? undefined : fromResponse(request, response)

  const authenticators = makeAuthenticators((request, headers) =>
    traced(server, request, (trace) => transport.request(toTransport(request, headers, trace)), problem(request))
  )
  const ownAuthenticator = authenticators(server.auth)

  /** Sends with the credentials of the fiber, or with one's own. */
  const authenticated = <Response extends { readonly status: number; readonly headers: Headers }, R>(
    request: CouchRequest,
    trace: Headers,
    send: (request: Transport.TransportRequest) => Effect.Effect<Attempt<Response>, TransportError, R>
  ): Effect.Effect<Response, HttpError, R> =>
    Effect.flatMap(FiberRef.get(currentAuth), (auth) => {
      const { body, read, streams } = watched(request)
      return exchange(
        Option.isSome(auth) ? authenticators(auth.value) : ownAuthenticator,
        { streams, read },
        (headers) => send(toTransport({ ...request, body }, headers, trace))
      )
    })

  /** One exchange, its status mapped, no retry and no deadline. */
  const send = (request: CouchRequest): Effect.Effect<Transport.BufferedResponse, HttpError> =>
    traced(
      server,
      request,
      (trace) =>
        authenticated(request, trace, (asked) =>
          Effect.map(transport.request(asked), (response) => ({
            response,
            discard: Effect.void
          }))),
      problem(request)
    )

  const inTime = <A, E, R>(
    request: CouchRequest,
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | TimeoutError, R> =>
    Duration.isFinite(deadline)
      ? Effect.timeoutFail(effect, {
        duration: deadline,
        onTimeout: () =>
          new TimeoutError({ method: request.method, path: request.path, milliseconds: Duration.toMillis(deadline) })
      })
      : effect

  const patient = <A, R>(
    request: CouchRequest,
    effect: Effect.Effect<A, HttpError, R>
  ): Effect.Effect<A, HttpError, R> => retry !== undefined && isSafe(request) ? Effect.retry(effect, retry) : effect

  const execute: Service["execute"] = (request) => {
    const answered = inTime(request, patient(request, send(request)))
    return request.route === "/{db}" && request.database !== undefined &&
        (request.method === "PUT" || request.method === "DELETE")
      ? Effect.ensuring(answered, Effect.sync(() => outcomes.forget(request.database ?? "")))
      : answered
  }

  // The deadline is that of the headers: a body may go on for as long as somebody reads it.
  const stream: Service["stream"] = (request) =>
    inTime(
      request,
      patient(
        request,
        traced(
          server,
          request,
          (trace) => authenticated(request, trace, (asked) => opened(transport.stream(asked))),
          (response) => succeeded(request, response.status) ? undefined : response
        ).pipe(Effect.catchIf(isRefusal, (response) => refused(request, response)))
      )
    )

  const outcomes = makeOutcomes({ send, retry })

  return {
    execute,
    stream,
    readDocument: ({ database, id, query }) =>
      Effect.map(
        unconflicted(execute({
          method: "GET",
          path: documentPath(database, id) + query,
          route: documentRoute(id),
          database,
          id
        })),
        Transport.text
      ),
    writeDocument: (write) => {
      const { request, written } = outcomes.write(write)
      return inTime(request, written)
    }
  }
}

const isRefusal = (failure: HttpError | Transport.StreamedResponse): failure is Transport.StreamedResponse =>
  !("_tag" in failure)

/** The body of a refusal is small: it is read whole, and becomes the error. */
const refused = (
  request: CouchRequest,
  response: Transport.StreamedResponse
): Effect.Effect<never, HttpError> =>
  Stream.runFold(Stream.take(response.body, 64), new Uint8Array(0), (all, chunk) => {
    const both = new Uint8Array(all.length + chunk.length)
    both.set(all)
    both.set(chunk, all.length)
    return both
  }).pipe(Effect.flatMap((body) => Effect.fail(fromResponse(request, { ...response, body }))))
