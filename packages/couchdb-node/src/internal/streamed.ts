import type { TransportError } from "effect-couchdb/CouchError"
import type { StreamedResponse, TransportRequest } from "effect-couchdb/Transport"
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Dispatcher } from "undici"
import { failure, flatHeaders, interrupted, phaseOf } from "./failure.js"

type Body = Channel.Channel<Chunk.Chunk<Uint8Array>, unknown, TransportError, unknown, void>

/** The maximum number of buffered bytes: a few reads of a socket. */
const plenty = 1 << 18

/**
 * The buffer between the socket and the reader. The socket pauses while the buffer is full. The reader is resumed after all
 * pending reads of the socket, so that it pulls their chunks together.
 *
 * Chunks are written to the stream without an effect that references them. V8 promotes effects to its old generation, and
 * would keep the chunks in memory until a full collection.
 */
class Mailbox {
  private waiting: Array<Uint8Array> = []
  private size = 0
  private end: Body | undefined
  private reader: (() => void) | undefined
  private paused = false
  private waking = false

  constructor(private readonly controller: Dispatcher.DispatchController) {}

  get isDone(): boolean {
    return this.end !== undefined
  }
  offer(chunk: Uint8Array): void {
    // undici's parser resumes with an empty chunk. Pausing on that chunk would pause it forever.
    if (chunk.length === 0) return
    this.waiting.push(chunk)
    this.size += chunk.length
    if (this.size >= plenty && !this.paused) {
      this.paused = true
      this.controller.pause()
    }
    if (this.reader !== undefined && !this.waking) {
      this.waking = true
      setImmediate(this.wake)
    }
  }
  close(end: Body): void {
    this.end ??= end
    this.wake()
  }
  private readonly wake = (): void => {
    this.waking = false
    const reader = this.reader
    this.reader = undefined
    reader?.()
  }
  private readonly chunksOrEnd: Effect.Effect<void> = Effect.async((resume) => {
    if (this.waiting.length > 0 || this.end !== undefined) {
      resume(Effect.void)
      return undefined
    }
    this.reader = () => resume(Effect.void)
    return Effect.sync(() => {
      this.reader = undefined
    })
  })
  private take(): Chunk.Chunk<Uint8Array> {
    const chunks = Chunk.unsafeFromArray(this.waiting)
    this.waiting = []
    this.size = 0
    if (this.paused && this.end === undefined) {
      this.paused = false
      this.controller.resume()
    }
    return chunks
  }
  private readonly next = (): Body =>
    this.waiting.length > 0
      ? Channel.flatMap(Channel.write(this.take()), this.next)
      : this.end ?? this.later
  private readonly later: Body = Channel.flatMap(Channel.fromEffect(this.chunksOrEnd), this.next)

  get body(): Stream.Stream<Uint8Array, TransportError> {
    return Stream.fromChannel(Channel.suspend(this.next))
  }
}

interface State {
  controller: Dispatcher.DispatchController | undefined
  mailbox: Mailbox | undefined
  abandoned: boolean
}

/** Sends a request and streams the body. Closing the scope closes the request at any stage. */
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
          const failed = failure(request, phaseOf(state.controller !== undefined, state.mailbox !== undefined), error)
          if (state.mailbox === undefined) resume(Effect.fail(failed))
          else state.mailbox.close(Channel.fail(failed))
        }
        request.onWaiting?.(true, "connection")
        try {
          dispatch({
            onRequestStart: (controller) => {
              state.controller = controller
              if (state.abandoned) controller.abort(interrupted())
              else request.onWaiting?.(false)
            },
            onResponseStart: (controller, status, headers) => {
              if (status < 200) return
              const mailbox = new Mailbox(controller)
              state.mailbox = mailbox
              resume(Effect.succeed({
                status,
                headers: flatHeaders(headers),
                body: mailbox.body,
                inflated: false
              }))
            },
            onResponseData: (_, chunk) => state.mailbox?.offer(chunk),
            onResponseEnd: () => state.mailbox?.close(Channel.void),
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
