import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import type { CouchRequest, Service } from "../http/CouchHttp.js"
import type { RowsError } from "../rows/stream.js"
import { type Batch, type Connection, continuous, type End, longpoll, type Opening } from "./connection.js"
import { EmptyAnswers } from "./emptyAnswers.js"

/**
 * How the next request of a feed is made.
 *
 * - `Continuous`: one request that stays open. `doubts` says how much points to a proxy that withholds what the server sends
 * - `Probing`: a continuous feed stayed silent, and a long poll shows whether the server lives
 * - `Polling`: it does, so that something withholds continuous feeds: one long poll after the other, until `trialAt`
 */
type Mode =
  | { readonly _tag: "Continuous"; readonly doubts: number }
  | { readonly _tag: "Probing" }
  | { readonly _tag: "Polling"; readonly trialAt: number }

/** What became of a continuous feed. */
type Opened =
  | { readonly _tag: "Open"; readonly connection: Connection }
  | { readonly _tag: "Silent"; readonly error: RowsError; readonly doubt: number }

/**
 * What a connector needs to know.
 *
 * - `heartbeat`: how often the server shows that it lives
 * - `filters`: whether the server runs a function or a selector over the changes
 * - `request`: the request of either kind
 * - `annotations`: what the log says besides
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
const missed = 3

/** How many connections that fell silent early let a long poll show whether the server lives. */
const mostDoubts = 2

/** A request without a byte that ends earlier may be one of a server that restarts. */
const shortestCut = 1_000

/** After how many milliseconds of long polls a continuous feed is tried again: at first, and at most after doubling. */
const firstTrial = 60_000
const lastTrial = 3_600_000

/** Proxies, and CouchDB itself, end a request after a minute of silence. */
const longestPoll = Duration.seconds(25)

/** How many changes a poll brings at most, without documents and with: a proxy hands its answer out when it is whole. */
const changesInPoll = { plain: 500, documents: 100 }

/** How long the server may take for a poll, after doubling: a filter may pass over many changes first. */
const longestSilence = Duration.minutes(10)

/**
 * Opens the requests of a follower.
 *
 * They are continuous feeds, whose heartbeats show that the server lives. Where a proxy withholds them until the response
 * ends, as nginx does by default, nothing ever comes: then a long poll is tried, whose response does end. If it is answered,
 * long polls follow each other, and a continuous feed is tried again from time to time. A dead server answers neither.
 */
export interface Connector {
  /** Opens the next request. `undefined` if it brought nothing and the next one is to be opened at once. */
  readonly open: (since: string | undefined) => Effect.Effect<Connection | undefined, RowsError, Scope>
}

export const makeConnector = (settings: Settings): Connector => new FeedConnector(settings)

class FeedConnector implements Connector {
  private mode: Mode = { _tag: "Continuous", doubts: 0 }
  /** How long continuous feeds may be silent. */
  private readonly silence: Duration.Duration
  private readonly pollSilence: Duration.Duration
  /** How long polls may be silent at the moment. */
  private currentPollSilence: Duration.Duration
  /** A heartbeat of a long poll would keep the response from ending, so it ends instead of each heartbeat. */
  private readonly maxPollMillis: number
  private trialAfter = firstTrial
  /** After how many milliseconds of silence something between ends a request. */
  private cutAfter = Infinity
  private readonly emptyAnswers = new EmptyAnswers()
  /** Whether the last poll brought nothing. Only then a trial distinguishes silence from a backlog that fills a proxy's buffer. */
  private idle = false
  /** Whether the log says that continuous feeds are withheld. */
  private logged = false

  constructor(private readonly settings: Settings) {
    const { heartbeat } = settings
    this.silence = Duration.times(heartbeat, missed)
    this.maxPollMillis = Duration.toMillis(Duration.min(heartbeat, longestPoll))
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
              this.fellSilent(opened.doubt)
              return Effect.fail(opened.error)
            })
          case "Probing":
            return this.openPoll(since)
          case "Polling":
            return now < this.mode.trialAt || !this.idle ? this.openPoll(since) : this.tryContinuous(since, now)
        }
      }
    )
  }

  /** How long a poll may last, so that its response comes before something between ends it. */
  private get pollTimeout(): number {
    return Math.min(this.maxPollMillis, Math.ceil(this.cutAfter / 2))
  }

  /** How much a request without a byte, which failed like this after `took` milliseconds, points to a proxy. */
  private doubtIn(error: RowsError, took: number): number {
    if (error._tag === "TimeoutError") return mostDoubts
    if (!isCut(error) || took < shortestCut) return 0
    this.cutAfter = Math.min(this.cutAfter, took)
    return took >= 2 * Duration.toMillis(this.settings.heartbeat) ? mostDoubts : 1
  }

  private fellSilent(doubt: number): void {
    if (this.mode._tag !== "Continuous") return
    const doubts = this.mode.doubts + doubt
    this.mode = doubts < mostDoubts ? { _tag: "Continuous", doubts } : { _tag: "Probing" }
  }

  private observe(batch: Batch): Batch {
    if (batch.beats) {
      this.trialAfter = firstTrial
      if (this.mode._tag === "Continuous" && this.mode.doubts > 0) this.mode = { _tag: "Continuous", doubts: 0 }
    }
    if (Option.isSome(batch.end) && isSilent(batch.end.value)) this.fellSilent(1)
    return batch
  }

  private annotated(log: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.annotateLogs(log, this.settings.annotations)
  }

  /** A connection whose first batch was pulled already. */
  private resumed(first: Batch, connection: Connection): Connection {
    let pending: Batch | undefined = first
    const rest = Effect.map(connection, (batch) => this.observe(batch))
    return Effect.suspend(() => {
      const batch = pending
      pending = undefined
      const next = batch === undefined ? rest : Effect.sync(() => this.observe(batch))
      return this.logged
        ? Effect.tap(next, ({ beats }) => {
          if (!beats) return Effect.void
          this.logged = false
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
        const doubt = this.doubtIn(error, endedAt - now)
        return doubt > 0 ? Effect.succeed({ _tag: "Silent", error, doubt }) : otherwise
      })
    const opening = { request: request("continuous", { since, heartbeat }), silence: this.silence, plain, parse }
    return continuous(couch, opening).pipe(
      Effect.flatMap((connection) =>
        Effect.flatMap(connection, (first): Effect.Effect<Opened> => {
          const open = Effect.succeed<Opened>({ _tag: "Open", connection: this.resumed(first, connection) })
          const end = Option.getOrUndefined(first.end)
          if (end?._tag !== "Broken" || first.rows.length > 0 || Option.isSome(first.sequence)) return open
          return end.silent
            ? Effect.succeed({ _tag: "Silent", error: end.error, doubt: mostDoubts })
            : ended(end.error, open)
        })
      ),
      Effect.catchAll((error) => ended(error, Effect.fail(error)))
    )
  }

  /** Opens a continuous feed, to see whether it is still withheld. */
  private tryContinuous(since: string | undefined, now: number) {
    // However the trial ends, the next one is later.
    this.mode = { _tag: "Polling", trialAt: now + this.trialAfter }
    return Effect.flatMap(this.openContinuous(since, now), (opened): Effect.Effect<Connection | undefined> => {
      if (opened._tag === "Open") {
        this.mode = { _tag: "Continuous", doubts: 1 }
        return Effect.succeed(opened.connection)
      }
      this.trialAfter = Math.min(2 * this.trialAfter, lastTrial)
      this.mode = { _tag: "Polling", trialAt: now + this.trialAfter }
      return Effect.as(
        this.annotated(Effect.logDebug("the continuous changes feed is still withheld, so long polls continue")),
        undefined
      )
    })
  }

  private openPoll(since: string | undefined): Effect.Effect<Connection, RowsError, Scope> {
    const { couch, parse, plain, request } = this.settings
    const wait = this.emptyAnswers.wait
    const poll = Effect.flatMap(Clock.currentTimeMillis, (begun) => {
      const limit = plain ? changesInPoll.plain : changesInPoll.documents
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
            (now) => this.pollFailed(error, error._tag === "TimeoutError", now - begun)
          )
        ),
        Effect.map((connection) => this.polling(connection, begun))
      )
    })
    return wait > 0 ? Effect.zipRight(Effect.sleep(wait), poll) : poll
  }

  private polling(connection: Connection, begun: number): Connection {
    let isEmpty = true
    return Effect.flatMap(connection, (batch) => {
      if (batch.rows.length > 0) isEmpty = false
      return Option.isNone(batch.end)
        ? Effect.succeed(batch)
        : Effect.flatMap(Clock.currentTimeMillis, (now) => this.polled(batch, isEmpty, now - begun, now))
    })
  }

  /** Observes the last batch of a poll. */
  private polled(batch: Batch, isEmpty: boolean, took: number, now: number): Effect.Effect<Batch> {
    const end = Option.getOrUndefined(batch.end)
    if (end?._tag === "Broken") {
      this.pollFailed(end.error, end.silent, isEmpty ? took : 0)
      return Effect.succeed(batch)
    }
    this.idle = isEmpty
    this.emptyAnswers.note(isEmpty, took)
    this.currentPollSilence = this.pollSilence
    if (this.mode._tag !== "Probing") return Effect.succeed(batch)
    this.mode = { _tag: "Polling", trialAt: now + this.trialAfter }
    if (this.logged) return Effect.succeed(batch)
    this.logged = true
    return Effect.as(this.annotated(Effect.logWarning(withheld(this.silence, this.cutAfter))), batch)
  }

  private pollFailed(error: RowsError, silent: boolean, took: number): void {
    const before = this.pollTimeout
    this.doubtIn(error, took)
    if (this.mode._tag === "Probing") {
      // A poll that was ended early is repeated with a shorter timeout.
      if (this.pollTimeout === before) this.mode = { _tag: "Continuous", doubts: 0 }
    } else if (silent && this.settings.filters) {
      this.currentPollSilence = Duration.min(Duration.times(this.currentPollSilence, 2), longestSilence)
    }
  }
}

const isSilent = (end: End): boolean => end._tag === "Broken" && end.silent

/** Whether something ended a request that was sent. A connection that was never made says nothing of a proxy. */
const isCut = (error: RowsError): boolean =>
  (error._tag === "TransportError" && (error.reason === "NoAnswer" || error.reason === "Body")) ||
  error._tag === "UnexpectedResponseError"

const withheld = (silence: Duration.Duration, cutAfter: number): string =>
  `no heartbeat of the continuous changes feed came within ${
    Duration.format(Duration.min(silence, cutAfter))
  }, but a long poll was answered: something between this program and CouchDB withholds responses until they end` +
  (cutAfter < Duration.toMillis(silence) ? ", or ends them before a heartbeat comes" : "") +
  ". It is followed by long polls. Switch response buffering off there (nginx: proxy_buffering off), and let a response " +
  "pause for longer than the heartbeat (nginx: proxy_read_timeout)"
