import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { HttpError } from "../errors.js"
import type { Headers } from "./fixedHeaders.js"

/** Credentials with a limited lifetime, in milliseconds; `undefined` if it is unknown. */
export interface Credential {
  readonly headers: Headers
  readonly lifetime: number | undefined
}

/**
 * A source of credentials.
 *
 * - `obtain`: obtains new ones
 * - `isAccepted`: whether the server still accepts these
 */
export interface Source {
  readonly obtain: Effect.Effect<Credential, HttpError>
  readonly isAccepted: (headers: Headers) => Effect.Effect<boolean>
}

/** Credentials in use. */
export interface ActiveCredential {
  readonly headers: Headers
  readonly expiresAt: number
  /** The time from which they are renewed, in milliseconds. */
  renewAt: number
  /** Whether the server accepted them. */
  accepted: boolean
  /** The number of the last request that was sent before a check in which the server accepted them. */
  confirmedUpTo: number
}

export type Renewing = ReturnType<typeof renewing>

/** The fraction of their lifetime after which credentials are renewed. */
const renewalFraction = 0.9

/** The delay in milliseconds after consecutive credentials that the server did not accept. */
const refusalBackoff = (unaccepted: number): number => Math.min(5_000 * 4 ** (unaccepted - 1), 320_000)

const isRejection = (error: HttpError): boolean =>
  error._tag === "UnauthorizedError" || error._tag === "AccountLockedError" || error._tag === "ForbiddenError"

/**
 * Credentials that are renewed, shared by any number of fibers. A fiber that needs new ones obtains them itself, while
 * the others wait for its result, so that an interruption affects only one fiber. All waiting fibers share a failure. A
 * refusal of the credentials is remembered, since wrong passwords lock accounts.
 */
export const renewing = (source: Source) => {
  const mutex = Effect.unsafeMakeSemaphore(1)
  let active: ActiveCredential | undefined
  let failed: { readonly error: HttpError; readonly attempt: number } | undefined
  /** The number of times credentials were obtained. */
  let attempts = 0
  /** The number of consecutive credentials that the server did not accept. */
  let unaccepted = 0
  let notBefore = Number.NEGATIVE_INFINITY
  /** The number of requests that were sent. */
  let sent = 0

  const activate = ({ headers, lifetime }: Credential, now: number): ActiveCredential => ({
    headers,
    expiresAt: lifetime === undefined ? Number.POSITIVE_INFINITY : now + lifetime,
    renewAt: lifetime === undefined ? Number.POSITIVE_INFINITY : now + lifetime * renewalFraction,
    accepted: false,
    confirmedUpTo: 0
  })

  const markAccepted = (used: ActiveCredential): void => {
    if (used.accepted) return
    used.accepted = true
    unaccepted = 0
    failed = undefined
  }

  const delayNext = (now: number): void => {
    unaccepted++
    notBefore = now + refusalBackoff(unaccepted)
  }

  const failure = (error: HttpError, now: number): Effect.Effect<ActiveCredential, HttpError> => {
    failed = { error, attempt: attempts }
    if (isRejection(error)) delayNext(now)
    // Credentials that have not expired stay in use if their renewal fails.
    if (active === undefined || active.expiresAt <= now) return Effect.fail(error)
    active.renewAt = now + (active.expiresAt - now) / 2
    return Effect.succeed(active)
  }

  const obtain: Effect.Effect<ActiveCredential, HttpError> = Effect.flatMap(
    Clock.currentTimeMillis,
    (now) =>
      failed !== undefined && isRejection(failed.error) && now < notBefore
        ? Effect.fail(failed.error)
        : Effect.matchEffect(Effect.zip(Effect.either(source.obtain), Clock.currentTimeMillis), {
          onFailure: Effect.fail,
          onSuccess: ([result, now]) => {
            attempts++
            if (result._tag === "Left") return failure(result.left, now)
            failed = undefined
            delayNext(now)
            active = activate(result.right, now)
            return Effect.succeed(active)
          }
        })
  )

  /** Replaces the stale credentials, unless another fiber did so. */
  const renew = (stale: ActiveCredential | undefined): Effect.Effect<ActiveCredential, HttpError> =>
    Effect.suspend(() => {
      const seen = attempts
      return mutex.withPermits(1)(Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (active !== undefined && (active !== stale || now < active.renewAt)) return Effect.succeed(active)
        return failed !== undefined && failed.attempt > seen ? Effect.fail(failed.error) : obtain
      }))
    })

  /** The credentials for the next request. */
  const current: Effect.Effect<ActiveCredential, HttpError> = Effect.flatMap(
    Clock.currentTimeMillis,
    (now) => active !== undefined && now < active.renewAt ? Effect.succeed(active) : renew(active)
  )

  const check = (used: ActiveCredential): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      const before = sent
      return Effect.tap(source.isAccepted(used.headers), (accepted) => {
        if (!accepted) return Effect.void
        markAccepted(used)
        used.confirmedUpTo = before
        return Effect.void
      })
    })

  /** The credentials for a request that cannot be repeated. */
  const confirmed: Effect.Effect<ActiveCredential, HttpError> = Effect.flatMap(
    current,
    (used) =>
      Number.isFinite(used.expiresAt) || !used.accepted
        ? Effect.succeed(used)
        : mutex.withPermits(1)(Effect.suspend(() =>
          active !== undefined && active !== used
            ? Effect.succeed(active)
            : Effect.flatMap(check(used), (accepted) => accepted ? Effect.succeed(used) : obtain)
        ))
  )

  /**
   * The credentials for repeating a request that was refused with 401, or `undefined` if new ones would not help:
   * CouchDB also responds with 401 to authenticated users who are not admins.
   */
  const replacementFor = (
    used: ActiveCredential,
    order: number
  ): Effect.Effect<ActiveCredential | undefined, HttpError> =>
    Effect.suspend(() => {
      const seen = attempts
      return mutex.withPermits(1)(Effect.gen(function*() {
        if (active !== undefined && active !== used) return active
        if (active === used) {
          if (used.confirmedUpTo >= order) return undefined
          const now = yield* Clock.currentTimeMillis
          if (now < used.expiresAt && (yield* check(used))) return undefined
          if (unaccepted > 1 && now < notBefore) return undefined
          active = undefined
        } else if (failed !== undefined && failed.attempt > seen) return yield* Effect.fail(failed.error)
        return yield* obtain
      }))
    })

  return {
    current,
    confirmed,
    replacementFor,
    /** Checks whether the server accepts these credentials. */
    check,
    /** Returns the number of a request that is sent now. */
    nextNumber: (): number => ++sent,
    /** Records that the server accepted these credentials. */
    markAccepted,
    /** Replaces the credentials in use, which the server extended. */
    extend: (used: ActiveCredential, credential: Credential, now: number): void => {
      if (active !== used) return
      active = { ...activate(credential, now), accepted: true }
    },
    /** Discards the credentials, if they are in use. */
    discard: (used: ActiveCredential): void => {
      if (active === used) active = undefined
    }
  }
}
