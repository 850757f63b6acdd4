import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Checkpoint } from "./Changes.js"

/**
 * The position of a follower in its feed.
 *
 * - `delivered`: the sequence of the latest emitted batch; the next request starts after it
 * - `acknowledged`: the sequence that the consumer has processed, which is that of the batch before its latest pull
 * - `saved`: the sequence in the checkpoint
 */
export class Cursor<E, R> {
  delivered: string | undefined
  private acknowledged: string | undefined
  private saved: string | undefined
  private savedAt = Number.NEGATIVE_INFINITY

  constructor(
    private readonly checkpoint: Checkpoint<E, R> | undefined,
    private readonly every: number
  ) {}

  /** The sequence in the checkpoint. */
  get stored(): Effect.Effect<Option.Option<string>, E, R> {
    return this.checkpoint === undefined ? Effect.succeedNone : this.checkpoint.read
  }

  start(stored: Option.Option<string>, sequence: string | undefined): void {
    this.saved = Option.getOrUndefined(stored)
    this.delivered = sequence
    this.acknowledged = sequence
  }

  /** Acknowledges the previous batch. Returns whether there is a checkpoint to save. */
  acknowledge(): boolean {
    this.acknowledged = this.delivered
    return this.checkpoint !== undefined
  }

  /** Returns to the acknowledged sequence. Changes may be repeated; none are skipped. */
  rewind(): void {
    this.delivered = this.acknowledged
  }

  /** Writes the checkpoint if its sequence has changed. */
  readonly save: Effect.Effect<void, E, R> = Effect.suspend(() => {
    const sequence = this.acknowledged
    if (this.checkpoint === undefined || sequence === undefined || sequence === this.saved) return Effect.void
    return Effect.zipRight(
      this.checkpoint.write(sequence),
      Effect.map(Clock.currentTimeMillis, (now) => {
        this.saved = sequence
        this.savedAt = now
      })
    )
  })

  /** Writes the checkpoint if the interval has passed since the last attempt. */
  readonly saveWhenDue: Effect.Effect<void, E, R> = Effect.flatMap(
    Clock.currentTimeMillis,
    (now) =>
      now - this.savedAt < this.every ? Effect.void : Effect.tapError(this.save, () =>
        Effect.sync(() => {
          this.savedAt = now
        }))
  )
}
