import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import type { CouchRequest, Service } from "../http/CouchHttp.js"
import type { RowsError } from "../rows/stream.js"
import { type Batch, type Connection, continuous, longpoll, type Opening } from "./connection.js"
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
  /** Opens the next request. `undefined` if nothing came of it, and the next is to be opened at once. */
  readonly open: (since: string | undefined) => Effect.Effect<Connection | undefined, RowsError, Scope>
}

export const makeConnector = (settings: Settings): Connector => {
  const { annotations, couch, filters, heartbeat, parse, plain, request } = settings
  const silence = Duration.times(heartbeat, missed)
  // A heartbeat of a long poll would keep the response from ending. So it ends instead of each heartbeat.
  const longest = Duration.toMillis(Duration.min(heartbeat, longestPoll))
  const pollSilence = Duration.sum(longest, silence)

  let mode: Mode = { _tag: "Continuous", doubts: 0 }
  let trialAfter = firstTrial
  let patience = pollSilence
  /** After how many milliseconds of silence something on the way ends a request. */
  let cutAfter = Infinity
  const emptyAnswers = new EmptyAnswers()
  /** Whether the last poll brought nothing: only then a trial tells silence from a backlog that fills a proxy's buffer. */
  let idle = false
  /** Whether the log says that continuous feeds are withheld. */
  let logged = false

  /** How long a poll may last, so that its answer comes before something on the way ends it. */
  const pollTimeout = (): number => Math.min(longest, Math.ceil(cutAfter / 2))

  /** How much it says of a proxy that nothing came on a request, and then this failure after some milliseconds. */
  const doubtIn = (error: RowsError, took: number): number => {
    if (error._tag === "TimeoutError") return mostDoubts
    if (!isCut(error) || took < shortestCut) return 0
    cutAfter = Math.min(cutAfter, took)
    return took >= 2 * Duration.toMillis(heartbeat) ? mostDoubts : 1
  }

  const fellSilent = (doubt: number): void => {
    if (mode._tag !== "Continuous") return
    const doubts = mode.doubts + doubt
    mode = doubts < mostDoubts ? { _tag: "Continuous", doubts } : { _tag: "Probing" }
  }

  const observed = (batch: Batch): Batch => {
    if (batch.beats) {
      trialAfter = firstTrial
      if (mode._tag === "Continuous" && mode.doubts > 0) mode = { _tag: "Continuous", doubts: 0 }
    }
    if (silentEnd(batch) !== undefined) fellSilent(1)
    return batch
  }

  const sayThatItWorks = Effect.suspend(() => {
    logged = false
    return Effect.annotateLogs(Effect.logInfo("the continuous changes feed works again"), annotations)
  })

  /** A connection whose first batch was pulled already. */
  const resumed = (first: Batch, connection: Connection): Connection => {
    let begun: Batch | undefined = first
    const rest = Effect.map(connection, observed)
    return Effect.suspend(() => {
      const batch = begun
      begun = undefined
      const next = batch === undefined ? rest : Effect.sync(() => observed(batch))
      return logged ? Effect.tap(next, ({ beats }) => beats ? sayThatItWorks : Effect.void) : next
    })
  }

  /** Opens a continuous feed, and waits for its first byte. */
  const openContinuous = (since: string | undefined): Effect.Effect<Opened, RowsError, Scope> =>
    Effect.flatMap(Clock.currentTimeMillis, (begun) => {
      const ended = <E>(error: RowsError, otherwise: Effect.Effect<Opened, E>): Effect.Effect<Opened, E> =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const doubt = doubtIn(error, now - begun)
          return doubt > 0 ? Effect.succeed({ _tag: "Silent", error, doubt }) : otherwise
        })
      return continuous(couch, { request: request("continuous", { since, heartbeat }), silence, plain, parse }).pipe(
        Effect.flatMap((connection) =>
          Effect.flatMap(connection, (first): Effect.Effect<Opened> => {
            const open = Effect.succeed<Opened>({ _tag: "Open", connection: resumed(first, connection) })
            const end = Option.getOrUndefined(first.end)
            if (end?._tag !== "Broken" || first.rows.length > 0 || Option.isSome(first.sequence)) return open
            return end.silent
              ? Effect.succeed({ _tag: "Silent", error: end.error, doubt: mostDoubts })
              : ended(end.error, open)
          })
        ),
        Effect.catchAll((error) => ended(error, Effect.fail(error)))
      )
    })

  /** The last batch of a poll. */
  const polled = (batch: Batch, isEmpty: boolean, took: number, now: number): Effect.Effect<Batch> => {
    const end = Option.getOrUndefined(batch.end)
    if (end?._tag === "Broken") {
      pollFailed(end.error, end.silent, isEmpty ? took : 0)
      return Effect.succeed(batch)
    }
    idle = isEmpty
    emptyAnswers.note(isEmpty, took)
    patience = pollSilence
    if (mode._tag !== "Probing") return Effect.succeed(batch)
    mode = { _tag: "Polling", trialAt: now + trialAfter }
    if (logged) return Effect.succeed(batch)
    logged = true
    return Effect.as(Effect.annotateLogs(Effect.logWarning(withheld(silence, cutAfter)), annotations), batch)
  }

  const pollFailed = (error: RowsError, silent: boolean, took: number): void => {
    const before = pollTimeout()
    doubtIn(error, took)
    if (mode._tag === "Probing") {
      // A poll that was ended before its time is tried again with less of it.
      if (pollTimeout() === before) mode = { _tag: "Continuous", doubts: 0 }
    } else if (silent && filters) patience = Duration.min(Duration.times(patience, 2), longestSilence)
  }

  const openPoll = (since: string | undefined): Effect.Effect<Connection, RowsError, Scope> =>
    Effect.gen(function*() {
      if (emptyAnswers.wait > 0) yield* Effect.sleep(emptyAnswers.wait)
      const begun = yield* Clock.currentTimeMillis
      const limit = plain ? changesInPoll.plain : changesInPoll.documents
      const connection = yield* Effect.tapError(
        longpoll(couch, {
          request: request("longpoll", { since, timeout: Duration.millis(pollTimeout()), limit }),
          silence: patience,
          plain,
          parse
        }),
        (error) =>
          Effect.map(
            Clock.currentTimeMillis,
            (now) => pollFailed(error, error._tag === "TimeoutError", now - begun)
          )
      )
      let isEmpty = true
      return Effect.flatMap(connection, (batch) => {
        if (batch.rows.length > 0) isEmpty = false
        return Option.isNone(batch.end)
          ? Effect.succeed(batch)
          : Effect.flatMap(Clock.currentTimeMillis, (now) => polled(batch, isEmpty, now - begun, now))
      })
    })

  /** A continuous feed, to see whether it is withheld still. */
  const tryContinuous = (since: string | undefined, now: number) =>
    Effect.suspend(() => {
      // Whatever becomes of it, the next trial is later.
      mode = { _tag: "Polling", trialAt: now + trialAfter }
      return Effect.flatMap(openContinuous(since), (opened) => {
        if (opened._tag === "Open") {
          mode = { _tag: "Continuous", doubts: 1 }
          return Effect.succeed(opened.connection)
        }
        trialAfter = Math.min(2 * trialAfter, lastTrial)
        mode = { _tag: "Polling", trialAt: now + trialAfter }
        return Effect.as(
          Effect.annotateLogs(
            Effect.logDebug("the continuous changes feed is withheld still, so that long polls go on"),
            annotations
          ),
          undefined
        )
      })
    })

  return {
    open: (since) =>
      Effect.flatMap(Clock.currentTimeMillis, (now): Effect.Effect<Connection | undefined, RowsError, Scope> => {
        switch (mode._tag) {
          case "Continuous":
            return Effect.flatMap(openContinuous(since), (opened) => {
              if (opened._tag === "Open") return Effect.succeed(opened.connection)
              fellSilent(opened.doubt)
              return Effect.fail(opened.error)
            })
          case "Probing":
            return openPoll(since)
          case "Polling":
            return now < mode.trialAt || !idle ? openPoll(since) : tryContinuous(since, now)
        }
      })
  }
}

/** The failure of a batch that came of silence. */
const silentEnd = ({ end }: Batch): RowsError | undefined =>
  Option.isSome(end) && end.value._tag === "Broken" && end.value.silent ? end.value.error : undefined

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
