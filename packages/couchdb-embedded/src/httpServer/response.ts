import type { TransportError } from "effect-couchdb/CouchError"
import type { BufferedResponse, StreamedResponse } from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Http from "node:http"
import { drain, hasBody } from "./requestBody.js"
import type { Timeouts } from "./timeouts.js"

/** Writes responses to Node's. */
export interface ResponseWriter {
  readonly send: (response: Http.ServerResponse, reply: BufferedResponse) => void
  /** Responds before the request body was read, and discards the body. */
  readonly reject: (message: Http.IncomingMessage, response: Http.ServerResponse, reply: BufferedResponse) => void
  readonly stream: (response: Http.ServerResponse, reply: StreamedResponse) => Effect.Effect<void, TransportError>
}

/** Writes one chunk, and waits until the client accepted it. */
const writeChunk = (response: Http.ServerResponse, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (response.write(bytes)) {
      resume(Effect.void)
      return
    }
    const onDrain = (): void => resume(Effect.void)
    response.once("drain", onDrain)
    return Effect.sync(() => response.off("drain", onDrain))
  })

/** A writer that stops to keep connections alive once the server closes. */
export const makeWriter = (timeouts: Timeouts, isClosing: () => boolean): ResponseWriter => {
  const keepAlive = `timeout=${Math.floor(timeouts.advertisedIdle / 1000)}`

  const writeHead = (response: Http.ServerResponse, { headers, status }: StreamedResponse | BufferedResponse): void => {
    if (isClosing()) response.shouldKeepAlive = false
    if (response.shouldKeepAlive) response.setHeader("keep-alive", keepAlive)
    response.sendDate = false
    response.writeHead(status, headers)
  }

  const send: ResponseWriter["send"] = (response, reply) => {
    if (response.destroyed || response.headersSent) return
    writeHead(response, reply)
    response.end(reply.body)
  }

  return {
    send,
    reject: (message, response, reply) => {
      if (!hasBody(message) || message.complete) {
        message.resume()
        send(response, reply)
        return
      }
      if (response.destroyed || response.headersSent) return
      response.shouldKeepAlive = false
      writeHead(response, reply)
      response.write(reply.body)
      // Closing with unread bytes resets the connection, and the client may never see the response.
      drain(message, timeouts.drainBytes, timeouts.drain, () => response.end())
    },
    stream: (response, reply) =>
      Effect.suspend(() => {
        writeHead(response, reply)
        // A client of a feed needs the headers long before the first line.
        if (reply.headers["transfer-encoding"] !== undefined) response.flushHeaders()
        return Effect.zipRight(
          Stream.runForEach(reply.body, (bytes) => writeChunk(response, bytes)),
          Effect.sync(() => response.end())
        )
      })
  }
}
