import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import { encode } from "../document/codec.js"
import type { Collection } from "../document/Collection.js"
import { type AnyConflict, isConflict, withAttempts } from "../document/conflictError.js"
import { fetchBoundOption } from "../document/read.js"
import { create } from "../document/write.js"
import { conflictBackoff } from "../http/backoff.js"
import type { OverlapError } from "./overlapError.js"
import { isGone, recreate } from "./policies.js"
import { type AnyPolicy, compositePolicy, policy } from "./policy.js"

const recreatePolicy: AnyPolicy = policy("recreate", recreate)

const acceptPolicy: AnyPolicy = policy("accept", ({ attempted }) => Effect.succeed(attempted))

export const onDeleted =
  (choice: "recreate" | "accept" | "fail") => <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q =>
    compositePolicy((conflict) =>
      Effect.flatMap(isGone(conflict), (isDeleted) =>
        !isDeleted
          ? self(conflict)
          : choice === "recreate"
          ? recreatePolicy(conflict)
          : choice === "accept"
          ? acceptPolicy(conflict)
          : Effect.fail(conflict))
    )

export const whenSchema = <B, I>(schema: Schema.Schema<B, I>) => {
  const is = Schema.is(schema)
  return <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q =>
    compositePolicy((conflict) => {
      const { attempted } = conflict
      return !is(attempted.body)
        ? Effect.fail(conflict)
        : Effect.flatMap(fetchBoundOption(attempted.collection, attempted.id), (theirs) =>
          Option.exists(theirs, ({ body }) => !is(body)) ? Effect.fail(conflict) : self(conflict))
    })
}

export const matchBy = <A, I, R, K, Q extends AnyPolicy>(
  _collection: Collection<A, I, R, K>,
  kindOf: (body: A) => string,
  cases: Readonly<Record<string, AnyPolicy>>
): Q =>
  compositePolicy((conflict) => {
    const kind = kindOf(conflict.attempted.body)
    const own = Object.hasOwn(cases, kind) ? cases[kind] : undefined
    return own === undefined ? Effect.fail(conflict) : own(conflict)
  })

const isOverlap = (error: unknown): error is OverlapError<unknown, unknown, unknown> =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "OverlapError"

export const orElse = (that: AnyPolicy) => <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q =>
  compositePolicy((conflict) =>
    Effect.catchAll(
      self(conflict),
      (error: unknown) => isOverlap(error) ? that(error.conflict as AnyConflict) : Effect.fail(error)
    )
  )

export const when =
  (predicate: (conflict: AnyConflict) => boolean) => <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q =>
    compositePolicy((conflict) => predicate(conflict) ? self(conflict) : Effect.fail(conflict))

export const tap =
  (f: (conflict: AnyConflict) => Effect.Effect<unknown, unknown, unknown>) =>
  <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q =>
    compositePolicy((conflict) => Effect.zipRight(f(conflict), self(conflict)))

/** Passes each new conflict to the policy again. Attempts before the first conflict are counted too. */
const retrying = (self: AnyPolicy, schedule: Schedule.Schedule<unknown, AnyConflict, unknown>): AnyPolicy =>
  compositePolicy((first) =>
    Effect.suspend(() => {
      let current = first
      let attempts = first.attempts
      const once = Effect.suspend(() => self(current)).pipe(
        Effect.mapError((error: unknown) => {
          if (!isConflict(error)) return error
          attempts++
          // A policy that returns the same conflict has not tried anything, so it is not repeated.
          if (error === current) return new Unchanged(error)
          current = withAttempts(error, attempts)
          return current
        })
      )
      return Effect.retry(once, {
        schedule: schedule as Schedule.Schedule<unknown, unknown, unknown>,
        while: isConflict
      }).pipe(Effect.mapError((error) => error instanceof Unchanged ? error.conflict : error))
    })
  )

class Unchanged {
  constructor(readonly conflict: AnyConflict) {}
}

export const retry =
  (schedule: Schedule.Schedule<unknown, AnyConflict, unknown> = conflictBackoff(20)) =>
  <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q => retrying(self, schedule) as Q

export const limit = (attempts: number) => <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q =>
  retrying(self, Schedule.recurs(Math.max(0, attempts - 1))) as Q

/**
 * The id contains the revision that the refused version would have had. Equal versions therefore share an id, and
 * different versions never collide.
 */
export const quarantine =
  <A, I, R0>(aside: Collection<A, I, R0>) => <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q =>
    compositePolicy((conflict) => {
      const { attempted } = conflict
      return Effect.flatMap(encode(attempted), (body) => {
        const version = Option.getOrElse(Revision.predict({ parent: attempted.rev, body }), () => Json.stringify(body))
        return Effect.zipRight(
          Effect.catchTag(
            create(aside, `${attempted.id}~${version}`, attempted.body),
            "ConflictError",
            () => Effect.void
          ),
          self(conflict)
        )
      })
    })
