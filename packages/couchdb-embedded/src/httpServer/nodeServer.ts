import type { BufferedResponse, StreamedResponse } from "effect-couchdb/Transport"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import * as Http from "node:http"
import type { Whole } from "../access/context.js"
import type { Service } from "../engine/EmbeddedCouch.js"
import { headersFor, preflight } from "./cors.js"
import { hasBody, readBody } from "./requestBody.js"
import type { ResponseWriter } from "./response.js"
import { makeWriter } from "./response.js"
import type { RunningRequests } from "./runningRequests.js"
import { makeRunningRequests } from "./runningRequests.js"
import type { Timeouts } from "./timeouts.js"
import { defaultTimeouts } from "./timeouts.js"

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i

/** Whether a `Host` header names this machine, and not a foreign name that resolves to it. */
const isLoopback = (host: string | undefined): boolean => host !== undefined && loopback.test(host)

const headersOf = (message: Http.IncomingMessage): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = typeof value === "string" ? value : value.join(", ")
  }
  return headers
}

const errorResponse = (status: number, error: string, reason: string): BufferedResponse => {
  const body = `${JSON.stringify({ error, reason })}\n`
  return { status, headers: { "content-type": "application/json", "content-length": String(body.length) }, body }
}

const tooLarge = errorResponse(413, "too_large", "the request entity is too large")

const wrongHost = errorResponse(400, "bad_request", "The embedded CouchDB accepts loopback host names only.")

/** The whole response, if its stream has no more than is there already. */
const wholeOf = (streamed: StreamedResponse & Partial<Whole>): BufferedResponse | undefined =>
  streamed.whole === undefined ? undefined : { ...streamed, body: streamed.whole }

/** A Node server that answers with an engine. */
export interface NodeServer {
  readonly http: Http.Server
  /** Closes idle connections at once, waits for running requests, and then ends everything that still runs. */
  readonly close: Effect.Effect<void>
}

interface Options {
  readonly couch: Service
  readonly runtime: Runtime.Runtime<never>
  readonly maxBodyBytes: number
  readonly origins: ReadonlySet<string>
  readonly timeouts?: Partial<Timeouts> | undefined
}

/** A server over an engine. A client that disconnects interrupts its own request only. */
export const make = (options: Options): NodeServer => {
  const { maxBodyBytes, origins } = options
  const timeouts = { ...defaultTimeouts, ...options.timeouts }
  const fork = Runtime.runFork(options.runtime)
  const fibers = new Set<Fiber.RuntimeFiber<void>>()
  const running = makeRunningRequests<Http.ServerResponse>()
  let closing = false
  const writer = makeWriter(timeouts, () => closing)

  /** The error of a request that is rejected without its body. */
  const earlyError = (message: Http.IncomingMessage): BufferedResponse | undefined =>
    !isLoopback(message.headers.host)
      ? wrongHost
      : Number(message.headers["content-length"] ?? 0) > maxBodyBytes
      ? tooLarge
      : undefined

  const listen: Http.RequestListener = (message, response) => {
    response.on("error", () => {})
    running.add(response)
    response.on("close", () => running.remove(response))
    const error = earlyError(message)
    if (error === wrongHost) return writer.reject(message, response, error)
    const preflighted = preflight(message, origins)
    if (preflighted !== undefined) return writer.send(response, preflighted)
    for (const [name, value] of Object.entries(headersFor(message, origins))) response.setHeader(name, value)
    if (error !== undefined) return writer.reject(message, response, error)
    const fiber = fork(
      Effect.catchAllCause(respond(options, writer, running, message, response), () =>
        Effect.sync(() => {
          response.destroy()
        }))
    )
    fibers.add(fiber)
    fiber.addObserver(() => fibers.delete(fiber))
    response.on("close", () => {
      if (!response.writableFinished) fiber.unsafeInterruptAsFork(FiberId.none)
    })
  }

  const http = createServer(timeouts, listen, (message) => earlyError(message) === undefined)
  const close = Effect.gen(function*() {
    closing = true
    const closed = yield* Effect.fork(Effect.async<void>((resume) => {
      http.close(() => resume(Effect.void))
    }))
    yield* Effect.yieldNow()
    yield* Effect.timeoutOption(Effect.interruptible(running.empty), timeouts.close)
    // Feeds and waiting clients keep the server open.
    http.closeAllConnections()
    yield* Fiber.interruptAll(Array.from(fibers))
    yield* Fiber.join(closed)
    // Connections run in real time, whatever the `Clock` of the effects is.
  }).pipe(Effect.withClock(Clock.make()))

  return { http, close }
}

const respond = (
  { couch, maxBodyBytes }: Options,
  writer: ResponseWriter,
  running: RunningRequests<Http.ServerResponse>,
  message: Http.IncomingMessage,
  response: Http.ServerResponse
) =>
  Effect.flatMap(readBody(message, maxBodyBytes), (body) =>
    body === undefined
      ? Effect.sync(() => writer.reject(message, response, tooLarge))
      : Effect.scoped(Effect.flatMap(
        couch.stream({
          method: message.method ?? "GET",
          origin: `http://${message.headers.host}`,
          path: message.url ?? "/",
          headers: headersOf(message),
          body: hasBody(message) ? body : undefined
        }),
        (streamed) => {
          const whole = wholeOf(streamed)
          if (whole !== undefined) return Effect.sync(() => writer.send(response, whole))
          // A feed may never end, so a server that closes does not wait for it.
          running.remove(response)
          return writer.stream(response, streamed)
        }
      )))

const createServer = (
  { idle }: Timeouts,
  listen: Http.RequestListener,
  continues: (message: Http.IncomingMessage) => boolean
): Http.Server => {
  const http = Http.createServer({ keepAliveTimeout: idle, headersTimeout: idle, requestTimeout: 0 })
  http.on("request", listen)
  http.on("checkContinue", (message: Http.IncomingMessage, response: Http.ServerResponse) => {
    if (continues(message)) response.writeContinue()
    listen(message, response)
  })
  http.on("timeout", (socket) => {
    const { bytesRead } = socket
    const closeIfIdle = (): void => {
      if (socket.bytesRead === bytesRead) socket.destroy()
    }
    // A busy process notices the idle time late, and a request may have arrived since. Two turns of the event loop
    // read it.
    setImmediate(() => setImmediate(closeIfIdle))
  })
  return http
}
