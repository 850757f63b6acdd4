import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import type { CouchRequest, Service } from "../http/CouchHttp.js"
import type { RowsError } from "../rows/stream.js"
import { type Batch, type Connection, continuous, type End, longpoll, type Opening } from "./connection.js"
import { EmptyPolls } from "./emptyPolls.js"

/**
 * How the next request of a feed is made.
 *
 * - `Continuous`: a continuous feed. `suspicion` counts the signs that a proxy withholds responses
 * - `Probing`: a continuous feed stayed silent, so a long poll tests whether the server is alive
 * - `Polling`: the server is alive, so a proxy withholds continuous feeds: long polls until `retryAt`
 */
type Mode =
  | { readonly _tag: "Continuous"; readonly suspicion: number }
  | { readonly _tag: "Probing" }
  | { readonly _tag: "Polling"; readonly retryAt: number }

/** The result of opening a continuous feed. */
type Opened =
  | { readonly _tag: "Open"; readonly connection: Connection }
  | { readonly _tag: "Silent"; readonly error: RowsError; readonly suspicion: number }

/**
 * The settings of a connector.
 *
 * - `heartbeat`: how often the server sends a heartbeat
 * - `filters`: whether the server runs a function or a selector over the changes
 * - `request`: makes a request of either kind
 * - `annotations`: the annotations of log messages
 */
export interface Settings extends Pick<Opening, "plain" | "parse"> {
  readonly couch: Service
  readonly heartbeat: Duration.Duration
  readonly filters: boolean
  readonly request: (feed: "continuous" | "longpoll", options: {
    readonly since: string | undefined
    readonly heartbeat?: Duration.Duration
    readonly timeout?: Duration.Duration
    readonly limit?: number
  }) => CouchRequest
  readonly annotations: Readonly<Record<string, string>>
}

/** How many heartbeats may be missed. */
const maxMissedHeartbeats = 3

/** The suspicion at which a long poll tests whether the server is alive. */
const probeThreshold = 2

/** In milliseconds: a request that ends earlier without a byte may only mean that the server restarts. */
const minCutMillis = 1_000

/**
 * The time in milliseconds until a continuous feed is tried again, initially and at most. It doubles after each attempt.
 */
const minRetryDelay = 60_000
const maxRetryDelay = 3_600_000

/** Proxies, and CouchDB itself, end a request after a minute of silence. */
const maxPollTimeout = Duration.seconds(25)

/**
 * The maximum number of changes of a poll, without and with documents. A buffering proxy delivers a response only when
 * it is complete.
 */
const maxChangesPerPoll = { plain: 500, documents: 100 }

/** The maximum time without a byte in a poll, after doubling. A filter may skip many changes before the first match. */
const maxPollSilence = Duration.minutes(10)

/**
 * Opens the requests of a follower.
 *
 * By default it opens continuous feeds, whose heartbeats show that the server is alive. A proxy that buffers responses
 * until they end, as nginx does by default, withholds the whole feed. If a feed stays silent, the connector therefore
 * sends a long poll, whose response does end. If that succeeds, it continues with long polls, and retries a continuous
 * feed from time to time. A dead server responds to neither.
 */
export interface Connector {
  /**
   * Opens the next request. Returns `undefined` if the request delivered nothing, and the next one should be opened
   * immediately.
   */
  readonly open: (since: string | undefined) => Effect.Effect<Connection | undefined, RowsError, Scope>
}

export const makeConnector = (settings: Settings): Connector => new FeedConnector(settings)

class FeedConnector implements Connector {
  private mode: Mode = { _tag: "Continuous", suspicion: 0 }
  /** The maximum silence of continuous feeds. */
  private readonly silence: Duration.Duration
  private readonly pollSilence: Duration.Duration
  /** The current maximum silence of polls. */
  private currentPollSilence: Duration.Duration
  /** Polls end instead of sending heartbeats, because a heartbeat would keep the response from ending. */
  private readonly maxPollMillis: number
  private retryDelay = minRetryDelay
  /** The silence in milliseconds after which a proxy ends a request. */
  private cutAfter = Infinity
  private readonly emptyPolls = new EmptyPolls()
  /**
   * Whether the last poll was empty. Otherwise an attempt cannot distinguish silence from a backlog that fills a proxy's
   * buffer.
   */
  private lastPollEmpty = false
  /** Whether it was logged that continuous feeds are withheld. */
  private warned = false

  constructor(private readonly settings: Settings) {
    const { heartbeat } = settings
    this.silence = Duration.times(heartbeat, maxMissedHeartbeats)
    this.maxPollMillis = Duration.toMillis(Duration.min(heartbeat, maxPollTimeout))
    this.pollSilence = Duration.sum(this.maxPollMillis, this.silence)
    this.currentPollSilence = this.pollSilence
  }

  open(since: string | undefined): Effect.Effect<Connection | undefined, RowsError, Scope> {
    return Effect.flatMap(
      Clock.currentTimeMillis,
      (now): Effect.Effect<Connection | undefined, RowsError, Scope> => {
        switch (this.mode._tag) {
          case "Continuous":
            return Effect.flatMap(this.openContinuous(since, now), (opened) => {
              if (opened._tag === "Open") return Effect.succeed(opened.connection)
              this.noteSilence(opened.suspicion)
              return Effect.fail(opened.error)
            })
          case "Probing":
            return this.openPoll(since)
          case "Polling":
            return now < this.mode.retryAt || !this.lastPollEmpty
              ? this.openPoll(since)
              : this.tryContinuous(since, now)
        }
      }
    )
  }

  /** The timeout of a poll, so that its response arrives before a proxy ends the request. */
  private get pollTimeout(): number {
    return Math.min(this.maxPollMillis, Math.ceil(this.cutAfter / 2))
  }

  /**
   * How much a request without a byte, which failed after `took` milliseconds, suggests that a proxy withholds
   * responses.
   */
  private suspicionOf(error: RowsError, took: number): number {
    if (error._tag === "TimeoutError") return probeThreshold
    if (!isCut(error) || took < minCutMillis) return 0
    this.cutAfter = Math.min(this.cutAfter, took)
    return took >= 2 * Duration.toMillis(this.settings.heartbeat) ? probeThreshold : 1
  }

  private noteSilence(increase: number): void {
    if (this.mode._tag !== "Continuous") return
    const suspicion = this.mode.suspicion + increase
    this.mode = suspicion < probeThreshold ? { _tag: "Continuous", suspicion } : { _tag: "Probing" }
  }

  private observe(batch: Batch): Batch {
    if (batch.beats) {
      this.retryDelay = minRetryDelay
      if (this.mode._tag === "Continuous" && this.mode.suspicion > 0) this.mode = { _tag: "Continuous", suspicion: 0 }
    }
    if (Option.isSome(batch.end) && isSilent(batch.end.value)) this.noteSilence(1)
    return batch
  }

  private annotated(log: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.annotateLogs(log, this.settings.annotations)
  }

  /** A connection whose first batch was already pulled. */
  private withFirstBatch(first: Batch, connection: Connection): Connection {
    let pending: Batch | undefined = first
    const rest = Effect.map(connection, (batch) => this.observe(batch))
    return Effect.suspend(() => {
      const batch = pending
      pending = undefined
      const next = batch === undefined ? rest : Effect.sync(() => this.observe(batch))
      return this.warned
        ? Effect.tap(next, ({ beats }) => {
          if (!beats) return Effect.void
          this.warned = false
          return this.annotated(Effect.logInfo("the continuous changes feed works again"))
        })
        : next
    })
  }

  /** Opens a continuous feed, and waits for its first byte. */
  private openContinuous(since: string | undefined, now: number): Effect.Effect<Opened, RowsError, Scope> {
    const { couch, heartbeat, parse, plain, request } = this.settings
    const ended = <E>(error: RowsError, otherwise: Effect.Effect<Opened, E>): Effect.Effect<Opened, E> =>
      Effect.flatMap(Clock.currentTimeMillis, (endedAt) => {
        const suspicion = this.suspicionOf(error, endedAt - now)
        return suspicion > 0 ? Effect.succeed({ _tag: "Silent", error, suspicion }) : otherwise
      })
    const opening = { request: request("continuous", { since, heartbeat }), silence: this.silence, plain, parse }
    return continuous(couch, opening).pipe(
      Effect.flatMap((connection) =>
        Effect.flatMap(connection, (first): Effect.Effect<Opened> => {
          const open = Effect.succeed<Opened>({ _tag: "Open", connection: this.withFirstBatch(first, connection) })
          const end = Option.getOrUndefined(first.end)
          if (end?._tag !== "Broken" || first.rows.length > 0 || Option.isSome(first.sequence)) return open
          return end.silent
            ? Effect.succeed({ _tag: "Silent", error: end.error, suspicion: probeThreshold })
            : ended(end.error, open)
        })
      ),
      Effect.catchAll((error) => ended(error, Effect.fail(error)))
    )
  }

  /** Opens a continuous feed to test whether it is still withheld. */
  private tryContinuous(since: string | undefined, now: number) {
    // The next attempt is postponed, whatever the outcome of this one.
    this.mode = { _tag: "Polling", retryAt: now + this.retryDelay }
    return Effect.flatMap(this.openContinuous(since, now), (opened): Effect.Effect<Connection | undefined> => {
      if (opened._tag === "Open") {
        this.mode = { _tag: "Continuous", suspicion: 1 }
        return Effect.succeed(opened.connection)
      }
      this.retryDelay = Math.min(2 * this.retryDelay, maxRetryDelay)
      this.mode = { _tag: "Polling", retryAt: now + this.retryDelay }
      return Effect.as(
        this.annotated(Effect.logDebug("the continuous changes feed is still withheld, so long polls continue")),
        undefined
      )
    })
  }

  private openPoll(since: string | undefined): Effect.Effect<Connection, RowsError, Scope> {
    const { couch, parse, plain, request } = this.settings
    const wait = this.emptyPolls.wait
    const poll = Effect.flatMap(Clock.currentTimeMillis, (startedAt) => {
      const limit = plain ? maxChangesPerPoll.plain : maxChangesPerPoll.documents
      const opening = {
        request: request("longpoll", { since, timeout: Duration.millis(this.pollTimeout), limit }),
        silence: this.currentPollSilence,
        plain,
        parse
      }
      return longpoll(couch, opening).pipe(
        Effect.tapError((error) =>
          Effect.map(
            Clock.currentTimeMillis,
            (now) => this.pollFailed(error, error._tag === "TimeoutError", now - startedAt)
          )
        ),
        Effect.map((connection) => this.observedPoll(connection, startedAt))
      )
    })
    return wait > 0 ? Effect.zipRight(Effect.sleep(wait), poll) : poll
  }

  private observedPoll(connection: Connection, startedAt: number): Connection {
    let isEmpty = true
    return Effect.flatMap(connection, (batch) => {
      if (batch.rows.length > 0) isEmpty = false
      return Option.isNone(batch.end)
        ? Effect.succeed(batch)
        : Effect.flatMap(Clock.currentTimeMillis, (now) => this.observePoll(batch, isEmpty, now - startedAt, now))
    })
  }

  /** Records the last batch of a poll. */
  private observePoll(batch: Batch, isEmpty: boolean, took: number, now: number): Effect.Effect<Batch> {
    const end = Option.getOrUndefined(batch.end)
    if (end?._tag === "Broken") {
      this.pollFailed(end.error, end.silent, isEmpty ? took : 0)
      return Effect.succeed(batch)
    }
    this.lastPollEmpty = isEmpty
    this.emptyPolls.record(isEmpty, took)
    this.currentPollSilence = this.pollSilence
    if (this.mode._tag !== "Probing") return Effect.succeed(batch)
    this.mode = { _tag: "Polling", retryAt: now + this.retryDelay }
    if (this.warned) return Effect.succeed(batch)
    this.warned = true
    return Effect.as(this.annotated(Effect.logWarning(withheldMessage(this.silence, this.cutAfter))), batch)
  }

  private pollFailed(error: RowsError, silent: boolean, took: number): void {
    const before = this.pollTimeout
    this.suspicionOf(error, took)
    if (this.mode._tag === "Probing") {
      // If the poll was cut off, it is repeated with a shorter timeout.
      if (this.pollTimeout === before) this.mode = { _tag: "Continuous", suspicion: 0 }
    } else if (silent && this.settings.filters) {
      this.currentPollSilence = Duration.min(Duration.times(this.currentPollSilence, 2), maxPollSilence)
    }
  }
}

const isSilent = (end: End): boolean => end._tag === "Broken" && end.silent

/** Whether a request was cut off after it was sent. A failure to connect does not point to a proxy. */
const isCut = (error: RowsError): boolean =>
  (error._tag === "TransportError" && (error.reason === "NoResponse" || error.reason === "Body")) ||
  error._tag === "UnexpectedResponseError"

const withheldMessage = (silence: Duration.Duration, cutAfter: number): string =>
  `no heartbeat of the continuous changes feed arrived within ${
    Duration.format(Duration.min(silence, cutAfter))
  }, but a long poll succeeded: a proxy between this program and CouchDB withholds responses until they end` +
  (cutAfter < Duration.toMillis(silence) ? ", or ends them before a heartbeat" : "") +
  ". The feed continues with long polls. Disable response buffering in the proxy (nginx: proxy_buffering off), and let " +
  "responses pause for longer than the heartbeat (nginx: proxy_read_timeout)"
