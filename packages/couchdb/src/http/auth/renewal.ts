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

/** The fraction of their lifetime after which credentials are renewed. */
const renewalFraction = 0.9

/** The delay in milliseconds after consecutive credentials that the server did not accept. */
const refusalBackoff = (unaccepted: number): number => Math.min(5_000 * 4 ** (unaccepted - 1), 320_000)

const isRejection = (error: HttpError): boolean =>
  error._tag === "UnauthorizedError" || error._tag === "AccountLockedError" || error._tag === "ForbiddenError"

const activate = ({ headers, lifetime }: Credential, now: number): ActiveCredential => ({
  headers,
  expiresAt: lifetime === undefined ? Number.POSITIVE_INFINITY : now + lifetime,
  renewAt: lifetime === undefined ? Number.POSITIVE_INFINITY : now + lifetime * renewalFraction,
  accepted: false,
  confirmedUpTo: 0
})

/**
 * Credentials that are renewed, shared by any number of fibers. A fiber that needs new ones obtains them itself, while
 * the others wait for its result, so that an interruption affects only one fiber. All waiting fibers share a failure. A
 * refusal of the credentials is remembered, since wrong passwords lock accounts.
 */
export class CredentialRenewal {
  private readonly mutex = Effect.unsafeMakeSemaphore(1)
  private active: ActiveCredential | undefined
  private failed: { readonly error: HttpError; readonly attempt: number } | undefined
  /** The number of times credentials were obtained. */
  private attempts = 0
  /** The number of consecutive credentials that the server did not accept. */
  private unaccepted = 0
  private notBefore = Number.NEGATIVE_INFINITY
  /** The number of requests that were sent. */
  private sent = 0

  constructor(private readonly source: Source) {}

  /** The credentials for the next request. */
  readonly current: Effect.Effect<ActiveCredential, HttpError> = Effect.flatMap(
    Clock.currentTimeMillis,
    (now) =>
      this.active !== undefined && now < this.active.renewAt ? Effect.succeed(this.active) : this.renew(this.active)
  )

  /** The credentials for a request that cannot be repeated. */
  readonly confirmed: Effect.Effect<ActiveCredential, HttpError> = Effect.flatMap(
    this.current,
    (used) =>
      Number.isFinite(used.expiresAt) || !used.accepted
        ? Effect.succeed(used)
        : this.mutex.withPermits(1)(Effect.suspend(() =>
          this.active !== undefined && this.active !== used
            ? Effect.succeed(this.active)
            : Effect.flatMap(this.check(used), (accepted) => accepted ? Effect.succeed(used) : this.obtain)
        ))
  )

  /**
   * The credentials for repeating a request that was refused with 401, or `undefined` if new ones would not help:
   * CouchDB also responds with 401 to authenticated users who are not admins.
   */
  replacementFor(used: ActiveCredential, order: number): Effect.Effect<ActiveCredential | undefined, HttpError> {
    return Effect.suspend(() => {
      const seen = this.attempts
      return this.mutex.withPermits(1)(Effect.suspend(() => {
        if (this.active === undefined) return this.failedSince(seen) ?? this.obtain
        return this.active === used ? this.replaceUnlessValid(used, order) : Effect.succeed(this.active)
      }))
    })
  }

  /** Checks whether the server accepts these credentials. */
  check(used: ActiveCredential): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      const before = this.sent
      return Effect.tap(this.source.isAccepted(used.headers), (accepted) => {
        if (!accepted) return Effect.void
        this.markAccepted(used)
        used.confirmedUpTo = before
        return Effect.void
      })
    })
  }

  /** Returns the number of a request that is sent now. */
  nextNumber(): number {
    return ++this.sent
  }

  /** Records that the server accepted these credentials. */
  markAccepted(used: ActiveCredential): void {
    if (used.accepted) return
    used.accepted = true
    this.unaccepted = 0
    this.failed = undefined
  }

  /** Replaces the credentials in use, which the server extended. */
  extend(used: ActiveCredential, credential: Credential, now: number): void {
    if (this.active !== used) return
    this.active = { ...activate(credential, now), accepted: true }
  }

  /** Discards the credentials, if they are in use. */
  discard(used: ActiveCredential): void {
    if (this.active === used) this.active = undefined
  }

  private readonly obtain: Effect.Effect<ActiveCredential, HttpError> = Effect.flatMap(
    Clock.currentTimeMillis,
    (now) =>
      this.failed !== undefined && isRejection(this.failed.error) && now < this.notBefore
        ? Effect.fail(this.failed.error)
        : Effect.flatMap(
          Effect.zip(Effect.either(this.source.obtain), Clock.currentTimeMillis),
          ([result, now]) => {
            this.attempts++
            return result._tag === "Left" ? this.recordFailure(result.left, now) : this.use(result.right, now)
          }
        )
  )

  private use(credential: Credential, now: number): Effect.Effect<ActiveCredential> {
    this.failed = undefined
    this.delayNext(now)
    this.active = activate(credential, now)
    return Effect.succeed(this.active)
  }

  /** Credentials that have not expired stay in use if their renewal fails. */
  private recordFailure(error: HttpError, now: number): Effect.Effect<ActiveCredential, HttpError> {
    this.failed = { error, attempt: this.attempts }
    if (isRejection(error)) this.delayNext(now)
    if (this.active === undefined || this.active.expiresAt <= now) return Effect.fail(error)
    this.active.renewAt = now + (this.active.expiresAt - now) / 2
    return Effect.succeed(this.active)
  }

  private delayNext(now: number): void {
    this.unaccepted++
    this.notBefore = now + refusalBackoff(this.unaccepted)
  }

  /** Replaces the stale credentials, unless another fiber did so. */
  private renew(stale: ActiveCredential | undefined): Effect.Effect<ActiveCredential, HttpError> {
    return Effect.suspend(() => {
      const seen = this.attempts
      return this.mutex.withPermits(1)(Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const { active } = this
        if (active !== undefined && (active !== stale || now < active.renewAt)) return Effect.succeed(active)
        return this.failedSince(seen) ?? this.obtain
      }))
    })
  }

  /** The failure of an attempt by another fiber, for the fibers that waited for it. */
  private failedSince(seen: number): Effect.Effect<never, HttpError> | undefined {
    return this.failed !== undefined && this.failed.attempt > seen ? Effect.fail(this.failed.error) : undefined
  }

  /** Replaces refused credentials, unless the server still accepts them, or refused the previous ones recently. */
  private replaceUnlessValid(
    used: ActiveCredential,
    order: number
  ): Effect.Effect<ActiveCredential | undefined, HttpError> {
    return Effect.gen(this, function*() {
      if (used.confirmedUpTo >= order) return undefined
      const now = yield* Clock.currentTimeMillis
      if (now < used.expiresAt && (yield* this.check(used))) return undefined
      if (this.unaccepted > 1 && now < this.notBefore) return undefined
      this.active = undefined
      return yield* this.obtain
    })
  }
}
