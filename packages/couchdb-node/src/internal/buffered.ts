import type { TransportError } from "effect-couchdb/CouchError"
import type { BufferedResponse, TransportRequest } from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import type { Dispatcher } from "undici"
import { failure, flatHeaders, interrupted, outOfTime, phaseOf, poolExhausted } from "./failure.js"
import { type Dispatch, enter, type Lane, leave, type Place, stepBack } from "./line.js"

type Resume = (effect: Effect.Effect<BufferedResponse, TransportError>) => void

const nothing = new Uint8Array(0)

/** The maximum delay of a timer on Node. A longer one fires at once. */
const longest = 2 ** 31 - 1

/**
 * One exchange, and the handler for its undici events. At its end it drops all references: undici's objects live longer, and
 * would keep all exchanges of a connection in memory, which costs more than the exchange.
 */
class Exchange implements Dispatcher.DispatchHandler, Place {
  private controller: Dispatcher.DispatchController | undefined
  private status = 0
  private headers: Readonly<Record<string, string>> = {}
  private first: Buffer | undefined
  private more: Array<Buffer> | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private resume: Resume | undefined
  started = false

  constructor(
    private readonly lane: Lane,
    private readonly request: TransportRequest,
    private readonly dispatch: Dispatch
  ) {}

  begin(resume: Resume): void {
    this.resume = resume
    const { deadline } = this.request
    if (deadline !== undefined && deadline <= longest) this.timer = setTimeout(passed, deadline, this)
    enter(this.lane.line, this)
    if (!this.started) this.request.onWaiting?.(true)
  }

  start(): void {
    this.request.onWaiting?.(true, "connection")
    try {
      this.dispatch(this.lane.pool, this.request, this)
    } catch (error) {
      this.fail(error)
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.resume === undefined) controller.abort(interrupted())
    else {
      this.controller = controller
      this.request.onWaiting?.(false)
    }
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Parameters<typeof flatHeaders>[0]): void {
    // 1xx responses are informational. The final response follows.
    if (status < 200) return
    this.status = status
    this.headers = flatHeaders(headers)
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.first === undefined) this.first = chunk
    else if (this.more === undefined) this.more = [this.first, chunk]
    else this.more.push(chunk)
  }

  onResponseEnd(): void {
    const { first, headers, more, status } = this
    this.end(Effect.succeed({ status, headers, body: more === undefined ? first ?? nothing : Buffer.concat(more) }))
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.fail(error)
  }

  private get phase() {
    return phaseOf(this.controller !== undefined, this.status !== 0)
  }

  private fail(error: unknown): void {
    this.end(Effect.fail(failure(this.request, this.phase, error)))
  }

  /** Completes the exchange and releases its connection. */
  private end(result: Effect.Effect<BufferedResponse, TransportError> | undefined): void {
    const { resume } = this
    if (resume === undefined) return
    this.resume = undefined
    this.controller = undefined
    this.first = undefined
    this.more = undefined
    if (this.timer !== undefined) clearTimeout(this.timer)
    this.timer = undefined
    if (this.started) leave(this.lane.line)
    else stepBack(this.lane.line, this)
    if (result !== undefined) resume(result)
  }

  /** Ends the exchange and aborts the request. */
  abandon(result?: Effect.Effect<never, TransportError>): void {
    const { controller } = this
    this.end(result)
    controller?.abort(interrupted())
  }

  /** Ends the exchange at its deadline. */
  expire(): void {
    this.abandon(Effect.fail(
      this.started ? outOfTime(this.request, this.phase) : poolExhausted(this.request, this.lane.line)
    ))
  }
}

const passed = (exchange: Exchange): void => exchange.expire()

/**
 * Sends a request and reads the whole body. Interruption and the deadline close the request, even while it waits for a
 * socket.
 */
export const read = (
  lane: Lane,
  request: TransportRequest,
  dispatch: Dispatch
): Effect.Effect<BufferedResponse, TransportError> =>
  // Does what `Effect.async` does for a canceler, in fewer steps.
  Effect.uninterruptibleMask((restore) => {
    const exchange = new Exchange(lane, request, dispatch)
    return Effect.matchCauseEffect(
      restore(Effect.async<BufferedResponse, TransportError>((resume) => exchange.begin(resume))),
      {
        onFailure: (cause) => {
          exchange.abandon()
          return Effect.failCause(cause)
        },
        onSuccess: Effect.succeed
      }
    )
  })
