import type { TransportError } from "effect-couchdb/CouchError"
import type { BufferedResponse, StreamedResponse } from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import type * as Http from "node:http"
import type { Service } from "../EmbeddedCouch.js"
import type { Whole } from "./context.js"
import { headersFor, preflight } from "./nodeCors.js"

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

const tooLarge: BufferedResponse = {
  status: 413,
  headers: { "content-type": "application/json", "connection": "close" },
  body: "{\"error\":\"too_large\",\"reason\":\"the request entity is too large\"}\n"
}

const wrongHost: BufferedResponse = {
  status: 400,
  headers: { "content-type": "application/json", "connection": "close" },
  body: "{\"error\":\"bad_request\",\"reason\":\"The embedded CouchDB answers to loopback names only.\"}\n"
}

/** The whole body; `undefined` where it is larger than it may be. */
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
        message.resume()
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

const send = (response: Http.ServerResponse, answer: BufferedResponse): void => {
  if (response.destroyed || response.headersSent) return
  response.sendDate = false
  response.writeHead(answer.status, answer.headers)
  response.end(answer.body)
}

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

const sendStream = (
  response: Http.ServerResponse,
  { body, headers, status }: StreamedResponse
): Effect.Effect<void, TransportError> =>
  Effect.suspend(() => {
    response.sendDate = false
    response.writeHead(status, headers)
    // A client of a feed waits for the headers long before there is anything to tell.
    if (headers["transfer-encoding"] !== undefined) response.flushHeaders()
    return Effect.zipRight(
      Stream.runForEach(body, (bytes) => write(response, bytes)),
      Effect.sync(() => response.end())
    )
  })

/** An answer that is all there, though it came as a stream. */
const wholeOf = (streamed: StreamedResponse & Partial<Whole>): BufferedResponse | undefined =>
  streamed.whole === undefined ? undefined : { ...streamed, body: streamed.whole }

/** What answers the requests of a Node server. */
export interface Listener {
  readonly listen: Http.RequestListener
  /** Waits until all that was asked is answered, but for feeds, which have no end. */
  readonly settled: Effect.Effect<void>
}

/** Answers requests of a Node server by the engine; a client that goes away ends its own request, nothing else. */
export const listener = (options: {
  readonly couch: Service
  readonly runtime: Runtime.Runtime<never>
  readonly maxBodyBytes: number
  readonly origins: ReadonlySet<string>
}): Listener => {
  const { couch, maxBodyBytes, origins } = options
  const run = Runtime.runFork(options.runtime)
  const answering = new Set<Http.ServerResponse>()
  const idle = new Set<() => void>()
  const answered = (response: Http.ServerResponse): void => {
    answering.delete(response)
    if (answering.size === 0) { for (const each of Array.from(idle)) each() }
  }
  const listen: Http.RequestListener = (message, response) => {
    response.on("error", () => {})
    const { host } = message.headers
    if (!isLoopback(host)) {
      send(response, wrongHost)
      return
    }
    const asked = preflight(message, origins)
    if (asked !== undefined) {
      send(response, asked)
      return
    }
    for (const [name, value] of Object.entries(headersFor(message, origins))) response.setHeader(name, value)
    answering.add(response)
    const answer = Effect.flatMap(readBody(message, maxBodyBytes), (body) =>
      body === undefined
        ? Effect.sync(() => send(response, tooLarge))
        : Effect.scoped(Effect.flatMap(
          couch.stream({
            method: message.method ?? "GET",
            origin: `http://${host}`,
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
    response.on("close", () => {
      answered(response)
      if (!response.writableFinished) fiber.unsafeInterruptAsFork(FiberId.none)
    })
  }
  const settled = Effect.async<void>((resume) => {
    if (answering.size === 0) {
      resume(Effect.void)
      return
    }
    const done = (): void => {
      idle.delete(done)
      resume(Effect.void)
    }
    idle.add(done)
    return Effect.sync(() => idle.delete(done))
  })
  return { listen, settled }
}
