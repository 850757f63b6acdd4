import type { TransportError } from "effect-couchdb/CouchError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Checked } from "./refusal.js"
import { badRequest } from "./refusal.js"

/** How long a feed stays idle, and whether it then sends a heartbeat or ends. */
export interface Idle {
  readonly interval: Duration.Duration
  readonly heartbeat: boolean
}

/** The text of one read, and whether the source has more now, later or never. */
export interface Batch<S> {
  readonly text: string
  readonly state: S
  readonly more: "now" | "later" | "never"
}

/** The source of a feed. Each read is one step of the engine, which may answer other requests between two reads. */
export interface Source<S> {
  readonly initial: S
  readonly read: (state: S) => Effect.Effect<Batch<S>, TransportError>
  /** Returns once there may be something new. `false` if the source was deleted. */
  readonly wait: (state: S) => Effect.Effect<boolean>
  readonly idle: Idle
  /** The text to send after a wait. */
  readonly wakeText: (why: "change" | "heartbeat") => string
  readonly end: (state: S) => string
}

const maxWaitMillis = 60_000

type Phase<S> = { readonly _tag: "Read" | "Wait"; readonly state: S }

/** The text of a feed. It reads on demand, so a slow client slows the feed down. */
export const run = <S>(source: Source<S>): Stream.Stream<string, TransportError> => {
  const { end, idle, read, wait, wakeText } = source
  const step = (
    { _tag, state }: Phase<S>
  ): Effect.Effect<readonly [string, Option.Option<Phase<S>>], TransportError> => {
    if (_tag === "Read") {
      return Effect.map(Effect.suspend(() => read(state)), (batch) =>
        batch.more === "never"
          ? [batch.text + end(batch.state), Option.none()]
          : [batch.text, Option.some({ _tag: batch.more === "now" ? "Read" : "Wait", state: batch.state })])
    }
    return Effect.map(Effect.timeoutOption(wait(state), idle.interval), (woken) => {
      const continues = Option.isSome(woken) ? woken.value : idle.heartbeat
      return continues
        ? [wakeText(Option.isSome(woken) ? "change" : "heartbeat"), Option.some({ _tag: "Read", state })]
        : [end(state), Option.none()]
    })
  }
  const begin: Phase<S> = { _tag: "Read", state: source.initial }
  return Stream.filter(Stream.paginateEffect(begin, step), (text) => text !== "")
}

/** Parses the parameters `heartbeat` and `timeout`. No wait is longer than a minute. */
export const parseIdle = (heartbeat: string | undefined, timeout: string | undefined): Checked<Idle> => {
  const wait = (text: string | undefined): Duration.Duration =>
    Duration.millis(Math.min(maxWaitMillis, text === undefined ? maxWaitMillis : Math.max(0, Number(text))))
  if (heartbeat === undefined) return Either.right({ interval: wait(timeout), heartbeat: false })
  if (heartbeat === "true") return Either.right({ interval: wait(undefined), heartbeat: true })
  if (!/^[+-]?\d+$/.test(heartbeat)) {
    return badRequest("Invalid heartbeat value. Expecting a positive integer value (in milliseconds).")
  }
  return Number(heartbeat) > 0
    ? Either.right({ interval: wait(heartbeat), heartbeat: true })
    : badRequest("The heartbeat value should be a positive integer (in milliseconds).")
}
