import type { TransportError } from "effect-couchdb/CouchError"
import type { BufferedResponse, TransportRequest } from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import type { Dispatcher } from "undici"
import { failure, flatHeaders, interrupted } from "./failure.js"
import type { Dispatch } from "./pool.js"

const nothing = new Uint8Array(0)

/** One exchange, its body read to the end. Interruption closes the request, also while it waits for a socket. */
export const read = (
  request: TransportRequest,
  dispatch: Dispatch
): Effect.Effect<BufferedResponse, TransportError> =>
  Effect.async((resume) => {
    let controller: Dispatcher.DispatchController | undefined
    let abandoned = false
    let status = 0
    let headers: Readonly<Record<string, string>> = {}
    const chunks: Array<Buffer> = []
    const fail = (error: unknown): void => resume(Effect.fail(failure(request, status !== 0, error)))
    try {
      dispatch({
        onRequestStart: (started) => {
          controller = started
          if (abandoned) started.abort(interrupted())
        },
        onResponseStart: (_, statusCode, incoming) => {
          // 1xx are announcements; the answer is still to come.
          if (statusCode < 200) return
          status = statusCode
          headers = flatHeaders(incoming)
        },
        onResponseData: (_, chunk) => {
          chunks.push(chunk)
        },
        onResponseEnd: () =>
          resume(Effect.succeed({
            status,
            headers,
            body: chunks.length === 0 ? nothing : chunks.length === 1 ? chunks[0] as Buffer : Buffer.concat(chunks)
          })),
        onResponseError: (_, error) => fail(error)
      })
    } catch (error) {
      fail(error)
    }
    return Effect.sync(() => {
      abandoned = true
      controller?.abort(interrupted())
    })
  })
