import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Auth } from "./Auth.js"
import { type Attempt, type Authenticator, exchange, makeAuthenticators } from "./auth/exchange.js"
import type { Headers } from "./auth/fixedHeaders.js"
import type { CouchRequest } from "./CouchHttp.js"
import { currentAuth } from "./currentAuth.js"
import type { Deadlines, TrackedRequest } from "./deadline.js"
import type { HttpError, TransportError } from "./errors.js"
import type { Reply } from "./responseError.js"
import {
  decodeBuffered,
  decodeStreamed,
  type FailureOf,
  failureOf,
  failureOfStream,
  readErrorBody
} from "./responseStatus.js"
import type { Server } from "./server.js"
import { discardingTracer, isSilent, traced } from "./tracing.js"
import type * as Transport from "./Transport.js"

/** The body of a request, and whether a stream was read from: such a request cannot be sent again. */
const trackBodyRead = ({ body }: CouchRequest) => {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    return { body, streams: false, read: () => false }
  }
  let started = false
  const tracked = Stream.onStart(
    body,
    Effect.sync(() => {
      started = true
    })
  )
  return { body: tracked, streams: true, read: () => started }
}

/**
 * Opens a resource that can be closed before its scope. If opening fails or is interrupted, it is closed at once: the
 * next attempt may wait for its connection.
 */
const openClosable = <A, E>(
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

const attemptStream = <E>(
  open: Effect.Effect<Transport.StreamedResponse, E, Scope.Scope>
): Effect.Effect<Attempt<Transport.StreamedResponse>, E, Scope.Scope> =>
  Effect.map(openClosable(open), ({ close, value: response }) => ({
    response,
    buffered: Effect.ensuring(
      Effect.match(readErrorBody(response), {
        onFailure: (error) => ({ ...response, body: Stream.fail(error) }),
        onSuccess: (body) => ({ ...response, body: Stream.make(body) })
      }),
      close
    )
  }))

const noHeaders: Headers = {}

const headersOf = (request: CouchRequest, credentials: Headers, trace: Headers): Headers => ({
  accept: "application/json",
  ...(request.body !== undefined && { "content-type": "application/json" }),
  ...credentials,
  ...trace,
  ...request.headers
})

/**
 * One exchange with the server: adds credentials and headers, traces, and maps the status to an error. It repeats
 * nothing, except that it renews credentials once.
 */
export class Exchange {
  private readonly failureOf: FailureOf<Transport.BufferedResponse & Pick<Reply, "cookie">>
  private readonly failureOfStream: FailureOf<Transport.StreamedResponse>
  private readonly authenticators: (auth: Auth) => Authenticator
  private readonly ownAuthenticator: Authenticator
  /** Most requests have equal headers, so they share one object. */
  private readonly headersByCredentials = new WeakMap<Headers, { readonly bare: Headers; readonly json: Headers }>()

  constructor(
    private readonly transport: Transport.Service,
    private readonly server: Server,
    auth: Auth,
    private readonly deadlines: Deadlines
  ) {
    this.failureOf = failureOf(server.base)
    this.failureOfStream = failureOfStream(server.base)
    this.authenticators = makeAuthenticators((request, headers) =>
      Effect.map(
        traced(
          server,
          request,
          (trace) => this.sendDecoded(request, this.toTransport(request, headersOf(request, headers, trace))),
          this.failureOf
        ),
        (response) => ({ ...response, server: server.base })
      )
    )
    this.ownAuthenticator = this.authenticators(auth)
  }

  /** The headers of a request that no tracer observes. */
  fastPathHeaders(request: CouchRequest | undefined, credentials: Headers): Headers {
    if (request?.headers !== undefined) return headersOf(request, credentials, noHeaders)
    let known = this.headersByCredentials.get(credentials)
    if (known === undefined) {
      const bare = { accept: "application/json", ...credentials }
      known = { bare, json: { ...bare, "content-type": "application/json" } }
      this.headersByCredentials.set(credentials, known)
    }
    return request?.body === undefined ? known.bare : known.json
  }

  /**
   * The credentials of the fiber if they are fixed and no tracer listens: the request then goes straight to the transport.
   */
  fastPathCredentials<A, E>(fiber: Fiber.RuntimeFiber<A, E>): Headers | undefined {
    if (fiber.currentTracer !== discardingTracer && !isSilent(fiber)) return undefined
    const authenticator = this.currentAuthenticator(fiber)
    return authenticator._tag === "Fixed" ? authenticator.headers : undefined
  }

  /** The response, or the failure that it reports. */
  withStatus(
    request: CouchRequest,
    response: Transport.BufferedResponse
  ): Effect.Effect<Transport.BufferedResponse, HttpError> {
    const decoded = decodeBuffered(request, response)
    return decoded === undefined
      ? this.failureOf(request, response) ?? Effect.succeed(response)
      : Effect.flatMap(decoded, (response) => this.failureOf(request, response) ?? Effect.succeed(response))
  }

  /**
   * Sends a request once, with a deadline in milliseconds if the transport enforces it. A HEAD whose response does not
   * identify CouchDB has no body to verify, and is sent again as a GET.
   */
  send(request: TrackedRequest, deadline?: number): Effect.Effect<Transport.BufferedResponse, HttpError> {
    return request.method === "HEAD" && request.verify !== undefined
      ? Effect.catchTag(
        this.sendOnce(request, deadline),
        "UnexpectedResponseError",
        () => this.sendOnce({ ...request, method: "GET" }, deadline)
      )
      : this.sendOnce(request, deadline)
  }

  /** {@link send} with the same deadline for every request. */
  sender(
    deadline: number | undefined
  ): (request: CouchRequest) => Effect.Effect<Transport.BufferedResponse, HttpError> {
    return (request) => this.send(request, deadline)
  }

  /** Sends a request once. The body of the response is streamed. */
  stream(request: TrackedRequest): Effect.Effect<Transport.StreamedResponse, HttpError, Scope.Scope> {
    const opened = Effect.withFiberRuntime<Transport.StreamedResponse, HttpError, Scope.Scope>((fiber) => {
      const credentials = this.fastPathCredentials(fiber)
      return credentials === undefined
        ? this.streamTraced(request)
        : Effect.flatMap(
          this.transport.stream(this.toTransport(request, this.fastPathHeaders(request, credentials))),
          (response) => {
            const decoded = decodeStreamed(request, response)
            return this.failureOfStream(request, decoded) ?? Effect.succeed(decoded)
          }
        )
    })
    return Effect.map(openClosable(opened), ({ value }) => value)
  }

  private streamTraced(request: TrackedRequest): Effect.Effect<Transport.StreamedResponse, HttpError, Scope.Scope> {
    return traced(
      this.server,
      request,
      (trace) =>
        this.withCredentials(
          request,
          trace,
          (transportRequest) =>
            attemptStream(
              Effect.map(this.transport.stream(transportRequest), (response) => decodeStreamed(request, response))
            )
        ),
      this.failureOfStream
    )
  }

  private sendOnce(
    request: TrackedRequest,
    deadline: number | undefined
  ): Effect.Effect<Transport.BufferedResponse, HttpError> {
    return Effect.withFiberRuntime((fiber) => {
      const credentials = this.fastPathCredentials(fiber)
      return credentials !== undefined
        ? Effect.flatMap(
          this.transport.request(this.toTransport(request, this.fastPathHeaders(request, credentials), deadline)),
          (response) => this.withStatus(request, response)
        )
        : deadline === undefined
        ? this.sendTraced(request)
        : this.deadlines.withDeadline(request, (request) => this.sendTraced(request))
    })
  }

  private sendTraced(request: TrackedRequest): Effect.Effect<Transport.BufferedResponse, HttpError> {
    return traced(
      this.server,
      request,
      (trace) =>
        this.withCredentials(
          request,
          trace,
          (transportRequest) =>
            Effect.map(this.sendDecoded(request, transportRequest), (response) => ({
              response,
              buffered: Effect.succeed(response)
            }))
        ),
      this.failureOf
    )
  }

  /** Sends with the credentials of the fiber, or with those of the service. */
  private withCredentials<Response extends { readonly status: number; readonly headers: Headers }, R>(
    request: CouchRequest,
    trace: Headers,
    send: (request: Transport.TransportRequest) => Effect.Effect<Attempt<Response>, TransportError, R>
  ): Effect.Effect<Response, HttpError, R> {
    return Effect.withFiberRuntime((fiber) => {
      const { body, read, streams } = trackBodyRead(request)
      return exchange(
        this.currentAuthenticator(fiber),
        { streams, read },
        (credentials) => send(this.toTransport({ ...request, body }, headersOf(request, credentials, trace)))
      )
    })
  }

  private sendDecoded(request: CouchRequest, transportRequest: Transport.TransportRequest) {
    return Effect.flatMap(
      this.transport.request(transportRequest),
      (response) => decodeBuffered(request, response) ?? Effect.succeed(response)
    )
  }

  private currentAuthenticator<A, E>(fiber: Fiber.RuntimeFiber<A, E>): Authenticator {
    const auth = fiber.getFiberRef(currentAuth)
    return Option.isSome(auth) ? this.authenticators(auth.value) : this.ownAuthenticator
  }

  private toTransport(request: TrackedRequest, headers: Headers, deadline?: number): Transport.TransportRequest {
    return {
      method: request.method,
      origin: this.server.origin,
      path: this.server.prefix + request.path,
      headers,
      body: request.body,
      deadline,
      kind: request.kind,
      onWaiting: request.wait?.attempt()
    }
  }
}
