import type { TransportError } from "effect-couchdb/CouchError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Checked } from "./refusal.js"
import { badRequest } from "./refusal.js"

/** How long a feed stays quiet, and what then: a sign of life, or the end. */
export interface Patience {
  readonly interval: Duration.Duration
  readonly heartbeat: boolean
}

/** What one look at the source gave: text to send, and whether there is more at once, later or never. */
export interface Look<S> {
  readonly text: string
  readonly state: S
  readonly more: "now" | "later" | "never"
}

/** A feed that reads, waits, and reads again. Each look is one step of the engine; between two, anything may happen. */
export interface Source<S> {
  readonly initial: S
  readonly read: (state: S) => Effect.Effect<Look<S>, TransportError>
  /** Returns once there may be something new, and whether the source is still there. */
  readonly wait: (state: S) => Effect.Effect<boolean>
  readonly patience: Patience
  /** Told when the feed wakes, be it for news or for a heartbeat. */
  readonly pulse: (why: "news" | "heartbeat") => string
  readonly end: (state: S) => string
}

const longest = 60_000

type Phase<S> = { readonly _tag: "Read" | "Wait"; readonly state: S }

/** The text of a feed as it happens. Nothing is read before it is asked for, so a slow reader slows the feed. */
export const run = <S>(source: Source<S>): Stream.Stream<string, TransportError> => {
  const { end, patience, pulse, read, wait } = source
  const step = (
    { _tag, state }: Phase<S>
  ): Effect.Effect<readonly [string, Option.Option<Phase<S>>], TransportError> => {
    if (_tag === "Read") {
      return Effect.map(Effect.suspend(() => read(state)), (look) =>
        look.more === "never"
          ? [look.text + end(look.state), Option.none()]
          : [look.text, Option.some({ _tag: look.more === "now" ? "Read" : "Wait", state: look.state })])
    }
    return Effect.map(Effect.timeoutOption(wait(state), patience.interval), (woken) => {
      const lives = Option.isSome(woken) ? woken.value : patience.heartbeat
      return lives
        ? [pulse(Option.isSome(woken) ? "news" : "heartbeat"), Option.some({ _tag: "Read", state })]
        : [end(state), Option.none()]
    })
  }
  const begin: Phase<S> = { _tag: "Read", state: source.initial }
  return Stream.filter(Stream.paginateEffect(begin, step), (text) => text !== "")
}

/** Reads the options that say how long a feed is patient; no wait is longer than a minute. */
export const patience = (heartbeat: string | undefined, timeout: string | undefined): Checked<Patience> => {
  const wait = (text: string | undefined): Duration.Duration =>
    Duration.millis(Math.min(longest, text === undefined ? longest : Math.max(0, Number(text))))
  if (heartbeat === undefined) return Either.right({ interval: wait(timeout), heartbeat: false })
  if (heartbeat === "true") return Either.right({ interval: wait(undefined), heartbeat: true })
  if (!/^[+-]?\d+$/.test(heartbeat)) {
    return badRequest("Invalid heartbeat value. Expecting a positive integer value (in milliseconds).")
  }
  return Number(heartbeat) > 0
    ? Either.right({ interval: wait(heartbeat), heartbeat: true })
    : badRequest("The heartbeat value should be a positive integer (in milliseconds).")
}
