import type { TransportError } from "effect-couchdb/CouchError"
import type { BufferedResponse, TransportRequest } from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import type { Dispatcher } from "undici"
import { failure, flatHeaders, interrupted, outOfTime } from "./failure.js"
import { enter, leave, type Line } from "./line.js"
import type { Dispatch } from "./pool.js"

const nothing = new Uint8Array(0)

/**
 * One exchange, its body read to the end. Interruption closes the request, also while it waits for a socket, and so does
 * its deadline.
 */
export const read = (
  line: Line,
  request: TransportRequest,
  dispatch: Dispatch
): Effect.Effect<BufferedResponse, TransportError> =>
  Effect.async((resume) => {
    let controller: Dispatcher.DispatchController | undefined
    let over = false
    let status = 0
    let headers: Readonly<Record<string, string>> = {}
    let first: Buffer | undefined
    let more: Array<Buffer> | undefined
    let timer: ReturnType<typeof setTimeout> | undefined

    /** The socket is somebody else's from here on. */
    const end = (hadStarted: boolean): boolean => {
      if (over) return false
      over = true
      if (timer !== undefined) clearTimeout(timer)
      if (hadStarted) leave(line)
      return true
    }
    const fail = (error: unknown): void => {
      if (end(true)) resume(Effect.fail(failure(request, status !== 0, error)))
    }
    const start = (): void => {
      try {
        dispatch({
          onRequestStart: (started) => {
            controller = started
            if (over) started.abort(interrupted())
          },
          onResponseStart: (_, statusCode, incoming) => {
            // 1xx are announcements; the answer is still to come.
            if (statusCode < 200) return
            status = statusCode
            headers = flatHeaders(incoming)
          },
          onResponseData: (_, chunk) => {
            if (first === undefined) first = chunk
            else if (more === undefined) more = [first, chunk]
            else more.push(chunk)
          },
          onResponseEnd: () => {
            if (!end(true)) return
            const body = more === undefined ? first ?? nothing : Buffer.concat(more)
            resume(Effect.succeed({ status, headers, body }))
          },
          onResponseError: (_, error) => fail(error)
        })
      } catch (error) {
        fail(error)
      }
    }
    const leaveQueue = enter(line, start)
    const abandon = (): boolean => {
      if (over) return false
      end(leaveQueue())
      controller?.abort(interrupted())
      return true
    }
    if (request.deadline !== undefined && !over) {
      timer = setTimeout(() => {
        if (abandon()) resume(Effect.fail(outOfTime(request)))
      }, request.deadline)
    }
    return Effect.sync(abandon)
  })
