import type { TransportError } from "effect-couchdb/CouchError"
import type { StreamedResponse, TransportRequest } from "effect-couchdb/Transport"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Dispatcher } from "undici"
import { failure, flatHeaders, interrupted } from "./failure.js"

type Pulled = Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<TransportError>>

/** Between the socket and whoever pulls: the socket pauses while something waits here. */
class Mailbox {
  private waiting: Array<Uint8Array> = []
  private end: Pulled | undefined
  private reader: ((pulled: Pulled) => void) | undefined

  constructor(private readonly controller: Dispatcher.DispatchController) {}

  get isDone(): boolean {
    return this.end !== undefined
  }
  offer(chunk: Uint8Array): void {
    // undici's parser wakes with an empty chunk, and pausing on it would put it to sleep again for ever.
    if (chunk.length === 0) return
    if (this.reader === undefined) {
      this.waiting.push(chunk)
      this.controller.pause()
    } else this.hand(Effect.succeed(Chunk.of(chunk)))
  }
  close(end: Pulled): void {
    this.end ??= end
    if (this.reader !== undefined) this.hand(this.end)
  }
  private hand(pulled: Pulled): void {
    const reader = this.reader
    this.reader = undefined
    reader?.(pulled)
  }
  readonly pull: Pulled = Effect.async((resume) => {
    if (this.waiting.length > 0) {
      const chunks = Chunk.unsafeFromArray(this.waiting)
      this.waiting = []
      resume(Effect.succeed(chunks))
      if (this.end === undefined) this.controller.resume()
    } else if (this.end !== undefined) resume(this.end)
    else {
      this.reader = resume
      return Effect.sync(() => {
        this.reader = undefined
      })
    }
    return undefined
  })
}

interface State {
  controller: Dispatcher.DispatchController | undefined
  mailbox: Mailbox | undefined
  abandoned: boolean
}

/** One exchange whose body is pulled. Closing the scope closes the request, wherever it is. */
export const read = (
  request: TransportRequest,
  dispatch: (handler: Dispatcher.DispatchHandler) => void
): Effect.Effect<StreamedResponse, TransportError, Scope> =>
  Effect.acquireRelease(
    Effect.sync((): State => ({ controller: undefined, mailbox: undefined, abandoned: false })),
    (state) =>
      Effect.sync(() => {
        state.abandoned = true
        if (state.mailbox?.isDone !== true) state.controller?.abort(interrupted())
      })
  ).pipe(
    Effect.flatMap((state) =>
      Effect.async<StreamedResponse, TransportError>((resume) => {
        const fail = (error: unknown): void => {
          if (state.mailbox === undefined) resume(Effect.fail(failure(request, false, error)))
          else state.mailbox.close(Effect.fail(Option.some(failure(request, true, error))))
        }
        try {
          dispatch({
            onRequestStart: (controller) => {
              state.controller = controller
              if (state.abandoned) controller.abort(interrupted())
            },
            onResponseStart: (controller, status, headers) => {
              if (status < 200) return
              const mailbox = new Mailbox(controller)
              state.mailbox = mailbox
              resume(Effect.succeed({
                status,
                headers: flatHeaders(headers),
                body: Stream.repeatEffectChunkOption(mailbox.pull)
              }))
            },
            onResponseData: (_, chunk) => state.mailbox?.offer(chunk),
            onResponseEnd: () => state.mailbox?.close(Effect.fail(Option.none())),
            onResponseError: (_, error) => fail(error)
          })
        } catch (error) {
          fail(error)
        }
        return Effect.sync(() => {
          state.abandoned = true
          state.controller?.abort(interrupted())
        })
      })
    )
  )
