import * as Effect from "effect/Effect"
import type * as Http from "node:http"
import { concat } from "../encoding/bytes.js"

/** Whether the client announced a body, which may be empty. */
export const hasBody = ({ headers }: Http.IncomingMessage): boolean =>
  headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined

/** The whole body, or `undefined` if it has more than `limit` bytes. */
export const readBody = (
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
      resume(Effect.succeed(concat(chunks)))
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

/** Discards the rest of a body, up to a number of bytes and milliseconds, and then calls `done`. */
export const drain = (message: Http.IncomingMessage, maxBytes: number, maxMillis: number, done: () => void): void => {
  let size = 0
  const end = (): void => {
    clearTimeout(timer)
    message.off("data", onData)
    done()
  }
  const onData = (chunk: Uint8Array): void => {
    size += chunk.length
    if (size > maxBytes) end()
  }
  const timer = setTimeout(end, maxMillis)
  message.on("data", onData).once("end", end).once("close", end).on("error", end).resume()
}
