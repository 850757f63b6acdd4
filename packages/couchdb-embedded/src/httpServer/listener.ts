import type { TransportError } from "effect-couchdb/CouchError"
import type { BufferedResponse, StreamedResponse } from "effect-couchdb/Transport"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import type { Whole } from "../access/context.js"
import type { Service } from "../engine/EmbeddedCouch.js"
import { headersFor, preflight } from "./cors.js"

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i

/** Whether the browser, or whoever it is, means this machine and not some name that happens to lead here. */
export const isLoopback = (host: string | undefined): boolean => host !== undefined && loopback.test(host)

const headersOf = (message: Http.IncomingMessage): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = typeof value === "string" ? value : value.join(", ")
  }
  return headers
}

/** Whether the client said that there is a body, be it an empty one. */
const announced = ({ headers }: Http.IncomingMessage): boolean =>
  headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined

const refused = (status: number, error: string, reason: string): BufferedResponse => {
  const body = `${JSON.stringify({ error, reason })}\n`
  return { status, headers: { "content-type": "application/json", "content-length": String(body.length) }, body }
}

const tooLarge = refused(413, "too_large", "the request entity is too large")

const wrongHost = refused(400, "bad_request", "The embedded CouchDB answers to loopback names only.")

/** The whole body; `undefined` if it is larger than it may be. */
const readBody = (
  message: Http.IncomingMessage,
  limit: number
): Effect.Effect<Uint8Array | undefined, "Aborted"> =>
  Effect.async((resume) => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    const onData = (chunk: Uint8Array): void => {
      size += chunk.length
      if (size > limit) {
        stop()
        resume(Effect.succeed(undefined))
      } else chunks.push(chunk)
    }
    const onEnd = (): void => {
      stop()
      const body = new Uint8Array(size)
      let at = 0
      for (const chunk of chunks) {
        body.set(chunk, at)
        at += chunk.length
      }
      resume(Effect.succeed(body))
    }
    const onClose = (): void => {
      stop()
      resume(Effect.fail("Aborted"))
    }
    const stop = (): void => {
      message.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose)
      message.on("error", () => {})
    }
    message.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose)
    return Effect.sync(stop)
  })

/** Writes one piece, and waits until the client took it. */
const write = (response: Http.ServerResponse, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (response.write(bytes)) {
      resume(Effect.void)
      return
    }
    const onDrain = (): void => resume(Effect.void)
    response.once("drain", onDrain)
    return Effect.sync(() => response.off("drain", onDrain))
  })

/** An answer that is all there, though it came as a stream. */
const wholeOf = (streamed: StreamedResponse & Partial<Whole>): BufferedResponse | undefined =>
  streamed.whole === undefined ? undefined : { ...streamed, body: streamed.whole }

/** How long a server waits for its clients. Durations are in milliseconds. */
export interface Patience {
  /** How long an idle connection stays open. */
  readonly idle: number
  /** What clients are promised of that, so that they do not use a connection just as it is closed. */
  readonly promised: number
  /** How long the rest of a refused body is read, and how many bytes of it. */
  readonly drain: number
  readonly drainBytes: number
  /** How long a server that stops waits for the requests that it has. */
  readonly stop: number
}

const usual: Patience = {
  // As long as in CouchDB.
  idle: 300_000,
  promised: 60_000,
  drain: 10_000,
  drainBytes: 2 ** 28,
  stop: 2_000
}

/** A Node server that answers by an engine. */
export interface NodeServer {
  readonly http: Http.Server
  /** Closes idle connections at once, waits a moment for answers, and ends all that still runs. */
  readonly close: Effect.Effect<void>
}

/** A server over an engine. A client that goes away ends its own request, nothing else. */
export const make = (options: {
  readonly couch: Service
  readonly runtime: Runtime.Runtime<never>
  readonly maxBodyBytes: number
  readonly origins: ReadonlySet<string>
  readonly patience?: Partial<Patience> | undefined
}): NodeServer => {
  const { couch, maxBodyBytes, origins } = options
  const patience = { ...usual, ...options.patience }
  const run = Runtime.runFork(options.runtime)
  const fibers = new Set<Fiber.RuntimeFiber<void>>()
  const answering = new Set<Http.ServerResponse>()
  const waiting = new Set<() => void>()
  let closing = false

  const answered = (response: Http.ServerResponse): void => {
    answering.delete(response)
    if (answering.size === 0) { for (const each of Array.from(waiting)) each() }
  }

  const keepAlive = `timeout=${Math.floor(patience.promised / 1000)}`

  const writeHead = (response: Http.ServerResponse, { headers, status }: StreamedResponse | BufferedResponse): void => {
    if (closing) response.shouldKeepAlive = false
    if (response.shouldKeepAlive) response.setHeader("keep-alive", keepAlive)
    response.sendDate = false
    response.writeHead(status, headers)
  }

  const send = (response: Http.ServerResponse, answer: BufferedResponse): void => {
    if (response.destroyed || response.headersSent) return
    writeHead(response, answer)
    response.end(answer.body)
  }

  /** Answers before the body has been read. */
  const refuse = (
    message: Http.IncomingMessage,
    response: Http.ServerResponse,
    answer: BufferedResponse
  ): void => {
    if (!announced(message) || message.complete) {
      message.resume()
      send(response, answer)
      return
    }
    if (response.destroyed || response.headersSent) return
    response.shouldKeepAlive = false
    writeHead(response, answer)
    response.write(answer.body)
    // Closing with bytes unread would reset the connection, and the client might never see the answer.
    let size = 0
    const end = (): void => {
      clearTimeout(timer)
      message.off("data", onData)
      response.end()
    }
    const onData = (chunk: Uint8Array): void => {
      size += chunk.length
      if (size > patience.drainBytes) end()
    }
    const timer = setTimeout(end, patience.drain)
    message.on("data", onData).once("end", end).once("close", end).on("error", end).resume()
  }

  const sendStream = (
    response: Http.ServerResponse,
    streamed: StreamedResponse
  ): Effect.Effect<void, TransportError> =>
    Effect.suspend(() => {
      writeHead(response, streamed)
      // A client of a feed waits for the headers long before the first line.
      if (streamed.headers["transfer-encoding"] !== undefined) response.flushHeaders()
      return Effect.zipRight(
        Stream.runForEach(streamed.body, (bytes) => write(response, bytes)),
        Effect.sync(() => response.end())
      )
    })

  /** What is answered whatever the body is. */
  const early = (message: Http.IncomingMessage): BufferedResponse | undefined =>
    !isLoopback(message.headers.host)
      ? wrongHost
      : Number(message.headers["content-length"] ?? 0) > maxBodyBytes
      ? tooLarge
      : undefined

  const listen: Http.RequestListener = (message, response) => {
    response.on("error", () => {})
    answering.add(response)
    response.on("close", () => answered(response))
    const refusal = early(message)
    if (refusal === wrongHost) {
      refuse(message, response, refusal)
      return
    }
    const asked = preflight(message, origins)
    if (asked !== undefined) {
      send(response, asked)
      return
    }
    for (const [name, value] of Object.entries(headersFor(message, origins))) response.setHeader(name, value)
    if (refusal !== undefined) {
      refuse(message, response, refusal)
      return
    }
    const answer = Effect.flatMap(readBody(message, maxBodyBytes), (body) =>
      body === undefined
        ? Effect.sync(() => refuse(message, response, tooLarge))
        : Effect.scoped(Effect.flatMap(
          couch.stream({
            method: message.method ?? "GET",
            origin: `http://${message.headers.host}`,
            path: message.url ?? "/",
            headers: headersOf(message),
            body: announced(message) ? body : undefined
          }),
          (streamed) => {
            const whole = wholeOf(streamed)
            if (whole !== undefined) return Effect.sync(() => send(response, whole))
            answered(response)
            return sendStream(response, streamed)
          }
        )))
    const fiber = run(Effect.catchAllCause(answer, () =>
      Effect.sync(() => {
        response.destroy()
      })))
    fibers.add(fiber)
    fiber.addObserver(() => fibers.delete(fiber))
    response.on("close", () => {
      if (!response.writableFinished) fiber.unsafeInterruptAsFork(FiberId.none)
    })
  }

  const http = Http.createServer({ keepAliveTimeout: patience.idle, headersTimeout: patience.idle, requestTimeout: 0 })
  http.on("request", listen)
  http.on("checkContinue", (message: Http.IncomingMessage, response: Http.ServerResponse) => {
    if (early(message) === undefined) response.writeContinue()
    listen(message, response)
  })
  http.on("timeout", (socket) => {
    const { bytesRead } = socket
    const closeIfIdle = (): void => {
      if (socket.bytesRead === bytesRead) socket.destroy()
    }
    // A busy process notices late that a connection was idle. A request may have come in the meantime: two turns of the
    // event loop read it.
    setImmediate(() => setImmediate(closeIfIdle))
  })

  /** Waits until all requests are answered, but for feeds, which have no end. */
  const settled = Effect.async<void>((resume) => {
    if (answering.size === 0) {
      resume(Effect.void)
      return
    }
    const done = (): void => {
      waiting.delete(done)
      resume(Effect.void)
    }
    waiting.add(done)
    return Effect.sync(() => waiting.delete(done))
  })

  const close = Effect.gen(function*() {
    closing = true
    const closed = yield* Effect.fork(Effect.async<void>((resume) => {
      http.close(() => resume(Effect.void))
    }))
    yield* Effect.yieldNow()
    yield* Effect.timeoutOption(Effect.interruptible(settled), patience.stop)
    // Feeds, and clients that wait, would keep the server open.
    http.closeAllConnections()
    yield* Fiber.interruptAll(Array.from(fibers))
    yield* Fiber.join(closed)
    // Connections take their own time, whatever clock the effects have.
  }).pipe(Effect.withClock(Clock.make()))

  return { http, close }
}
