import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Checkpoint } from "./Changes.js"

/**
 * Where a follower is in its feed.
 *
 * - `delivered`: the sequence of what was handed out last; the next request begins after it
 * - `acknowledged`: the sequence that the consumer is done with, which is what was handed out before its latest pull
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

  /** What the checkpoint has. */
  get stored(): Effect.Effect<Option.Option<string>, E, R> {
    return this.checkpoint === undefined ? Effect.succeedNone : this.checkpoint.read
  }

  begin(stored: Option.Option<string>, sequence: string | undefined): void {
    this.saved = Option.getOrUndefined(stored)
    this.delivered = sequence
    this.acknowledged = sequence
  }

  /** Pulling acknowledges what was handed out before, and what brought no change needs no acknowledgement. */
  acknowledge(): void {
    this.acknowledged = this.delivered
  }

  /** Goes back to what is acknowledged, so that a change may come twice and none is left out. */
  rewind(): void {
    this.delivered = this.acknowledged
  }

  /** Writes the checkpoint if it has another sequence. */
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

  /** Writes the checkpoint if it is time to. After a failure it is time later. */
  get saveWhenDue(): Effect.Effect<void, E, R> {
    return this.checkpoint === undefined ? Effect.void : this.due
  }

  private readonly due: Effect.Effect<void, E, R> = Effect.flatMap(
    Clock.currentTimeMillis,
    (now) =>
      now - this.savedAt < this.every ? Effect.void : Effect.tapError(this.save, () =>
        Effect.sync(() => {
          this.savedAt = now
        }))
  )
}
