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
import { type AnyPolicy, plain, policy } from "./policy.js"

const recreating: AnyPolicy = policy("recreate", recreate)

const accepting: AnyPolicy = policy("accept", ({ attempted }) => Effect.succeed(attempted))

export const onDeleted =
  (choice: "recreate" | "accept" | "fail") => <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q =>
    plain((conflict) =>
      Effect.flatMap(isGone(conflict), (gone) =>
        !gone
          ? self(conflict)
          : choice === "recreate"
          ? recreating(conflict)
          : choice === "accept"
          ? accepting(conflict)
          : Effect.fail(conflict))
    )

export const whenSchema = <B, I>(schema: Schema.Schema<B, I>) => {
  const is = Schema.is(schema)
  return <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q =>
    plain((conflict) => {
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
  plain((conflict) => {
    const kind = kindOf(conflict.attempted.body)
    const own = Object.hasOwn(cases, kind) ? cases[kind] : undefined
    return own === undefined ? Effect.fail(conflict) : own(conflict)
  })

const isOverlap = (error: unknown): error is OverlapError<unknown, unknown, unknown> =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "OverlapError"

export const orElse = (that: AnyPolicy) => <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q =>
  plain((conflict) =>
    Effect.catchAll(
      self(conflict),
      (error: unknown) => isOverlap(error) ? that(error.conflict as AnyConflict) : Effect.fail(error)
    )
  )

export const when =
  (predicate: (conflict: AnyConflict) => boolean) => <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q =>
    plain((conflict) => predicate(conflict) ? self(conflict) : Effect.fail(conflict))

export const tap =
  (f: (conflict: AnyConflict) => Effect.Effect<unknown, unknown, unknown>) =>
  <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q =>
    plain((conflict) => Effect.zipRight(f(conflict), self(conflict)))

/** Each new conflict goes to the policy; what was tried before the first one counts too. */
const repeated = (self: AnyPolicy, schedule: Schedule.Schedule<unknown, AnyConflict, unknown>): AnyPolicy =>
  plain((first) =>
    Effect.suspend(() => {
      let current = first
      let attempts = first.attempts
      const once = Effect.suspend(() => self(current)).pipe(
        Effect.mapError((error: unknown) => {
          if (!isConflict(error)) return error
          attempts++
          // A policy that gives the very conflict back has not tried anything, and would not the next time either.
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
  <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q => repeated(self, schedule) as Q

export const limit = (attempts: number) => <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q =>
  repeated(self, Schedule.recurs(Math.max(0, attempts - 1))) as Q

/**
 * Named by the revision that the refused version would have had: equal versions are one, and different ones of one
 * revision do not meet.
 */
export const quarantine =
  <A, I, R0>(aside: Collection<A, I, R0>) => <P extends AnyPolicy, Q extends AnyPolicy>(self: P): Q =>
    plain((conflict) => {
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
