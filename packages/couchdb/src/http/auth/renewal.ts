import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { HttpError } from "../errors.js"
import type { Headers } from "./fixedHeaders.js"

/** Credentials for a while. `lasts` is in milliseconds from now; `undefined` where nobody knows. */
export interface Credential {
  readonly headers: Headers
  readonly lasts: number | undefined
}

/**
 * Where credentials come from.
 *
 * - `obtain`: new ones
 * - `alive`: whether the server still knows who these are
 */
export interface Source {
  readonly obtain: Effect.Effect<Credential, HttpError>
  readonly alive: (headers: Headers) => Effect.Effect<boolean>
}

/** Credentials in use. */
export interface Held {
  readonly headers: Headers
  readonly expiresAt: number
  /** From when on new ones are looked for. */
  renewAt: number
  /** The server took them. */
  proved: boolean
  /** The last request, by its number, that was sent before the server was asked whether it knows them, and it did. */
  knownBehind: number
}

export type Renewing = ReturnType<typeof renewing>

/** They are renewed when so much of their time is over. */
const portion = 0.9

/** After so many in a row that the server did not take, some time passes before the next. */
const patience = (inVain: number): number => Math.min(5_000 * 4 ** (inVain - 1), 320_000)

const lasting = (error: HttpError): boolean =>
  error._tag === "UnauthorizedError" || error._tag === "AccountLockedError" || error._tag === "ForbiddenError"

/**
 * Credentials that are renewed, shared by any number of fibers. Whoever needs new ones asks for them itself, while the
 * others wait and take what it brings; so the interruption of one harms no other. A failure is that of all who waited for
 * it, and a refusal of the credentials is remembered, since wrong passwords lock accounts.
 */
export const renewing = (source: Source) => {
  const mutex = Effect.unsafeMakeSemaphore(1)
  let held: Held | undefined
  let failed: { readonly error: HttpError; readonly attempt: number } | undefined
  /** How many times credentials were asked for. */
  let attempts = 0
  /** How many times in a row it did not help. */
  let inVain = 0
  let notBefore = Number.NEGATIVE_INFINITY
  /** How many requests were sent. */
  let sent = 0

  const toHeld = ({ headers, lasts }: Credential, now: number): Held => ({
    headers,
    expiresAt: lasts === undefined ? Number.POSITIVE_INFINITY : now + lasts,
    renewAt: lasts === undefined ? Number.POSITIVE_INFINITY : now + lasts * portion,
    proved: false,
    knownBehind: 0
  })

  const prove = (used: Held): void => {
    if (used.proved) return
    used.proved = true
    inVain = 0
    failed = undefined
  }

  const doubt = (now: number): void => {
    inVain++
    notBefore = now + patience(inVain)
  }

  const failure = (error: HttpError, now: number): Effect.Effect<Held, HttpError> => {
    failed = { error, attempt: attempts }
    if (lasting(error)) doubt(now)
    // What is not over yet goes on serving while its renewal is in trouble.
    if (held === undefined || held.expiresAt <= now) return Effect.fail(error)
    held.renewAt = now + (held.expiresAt - now) / 2
    return Effect.succeed(held)
  }

  const obtain: Effect.Effect<Held, HttpError> = Effect.flatMap(
    Clock.currentTimeMillis,
    (now) =>
      failed !== undefined && lasting(failed.error) && now < notBefore
        ? Effect.fail(failed.error)
        : Effect.matchEffect(Effect.zip(Effect.either(source.obtain), Clock.currentTimeMillis), {
          onFailure: Effect.fail,
          onSuccess: ([result, now]) => {
            attempts++
            if (result._tag === "Left") return failure(result.left, now)
            failed = undefined
            doubt(now)
            held = toHeld(result.right, now)
            return Effect.succeed(held)
          }
        })
  )

  /** Others than the stale ones. */
  const renewed = (stale: Held | undefined): Effect.Effect<Held, HttpError> =>
    Effect.suspend(() => {
      const seen = attempts
      return mutex.withPermits(1)(Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (held !== undefined && (held !== stale || now < held.renewAt)) return Effect.succeed(held)
        return failed !== undefined && failed.attempt > seen ? Effect.fail(failed.error) : obtain
      }))
    })

  /** What the next request is sent with. */
  const current: Effect.Effect<Held, HttpError> = Effect.flatMap(
    Clock.currentTimeMillis,
    (now) => held !== undefined && now < held.renewAt ? Effect.succeed(held) : renewed(held)
  )

  const known = (used: Held): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      const behind = sent
      return Effect.tap(source.alive(used.headers), (alive) => {
        if (!alive) return Effect.void
        prove(used)
        used.knownBehind = behind
        return Effect.void
      })
    })

  /** What a request is sent with that cannot be repeated. */
  const assured: Effect.Effect<Held, HttpError> = Effect.flatMap(
    current,
    (used) =>
      Number.isFinite(used.expiresAt) || !used.proved
        ? Effect.succeed(used)
        : mutex.withPermits(1)(Effect.suspend(() =>
          held !== undefined && held !== used
            ? Effect.succeed(held)
            : Effect.flatMap(known(used), (alive) => alive ? Effect.succeed(used) : obtain)
        ))
  )

  /**
   * What to repeat a request with that was refused with 401, or `undefined` where others would not help: CouchDB says 401
   * also to those whom it knows, where they are no admins.
   */
  const instead = (used: Held, order: number): Effect.Effect<Held | undefined, HttpError> =>
    Effect.suspend(() => {
      const seen = attempts
      return mutex.withPermits(1)(Effect.gen(function*() {
        if (held !== undefined && held !== used) return held
        if (held === used) {
          if (used.knownBehind >= order) return undefined
          const now = yield* Clock.currentTimeMillis
          if (now < used.expiresAt && (yield* known(used))) return undefined
          if (inVain > 1 && now < notBefore) return undefined
          held = undefined
        } else if (failed !== undefined && failed.attempt > seen) return yield* Effect.fail(failed.error)
        return yield* obtain
      }))
    })

  return {
    current,
    assured,
    instead,
    /** Whether the server knows whose these are. */
    known,
    /** The number of a request that is sent now. */
    next: (): number => ++sent,
    /** These were taken by the server. */
    prove,
    /** The server prolonged those in use. */
    prolonged: (used: Held, credential: Credential, now: number): void => {
      if (held !== used) return
      held = { ...toHeld(credential, now), proved: true }
    },
    /** Those in use were given up. */
    forget: (used: Held): void => {
      if (held === used) held = undefined
    }
  }
}
