import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Changes from "../changes/Changes.js"
import { EmptyPolls } from "../changes/emptyPolls.js"
import * as Json from "../data/Json.js"
import { CouchHttp } from "../http/CouchHttp.js"
import { TimeoutError } from "../http/errors.js"
import type { Endpoint, Options, ReplicateError } from "./Replication.js"

type Page = Changes.Page<Json.JsonObject>

/** How long a poll may exceed its timeout. */
const pollGrace = "1 minute"

/** A sequence as a query parameter, or `undefined` at the start of the feed. */
export const sequenceText = (sequence: Json.Json | undefined): string | undefined =>
  sequence === undefined || sequence === null || sequence === 0
    ? undefined
    : typeof sequence === "string"
    ? sequence
    : Json.stringify(sequence)

/** Reads the changes of the source in batches. */
export class SourceChanges {
  readonly batch: number
  private readonly timeout: Duration.Duration
  private readonly emptyPolls = new EmptyPolls()

  constructor(private readonly source: Endpoint, private readonly options: Options<unknown, unknown>) {
    this.batch = Math.max(1, options.batch ?? 100)
    this.timeout = Duration.decode(options.poll ?? "25 seconds")
  }

  /** Reads the changes after a sequence, without waiting for any. */
  fetch(since: Json.Json | undefined): Effect.Effect<Page, ReplicateError> {
    return this.onSource(
      Changes.fetch(this.source.database, { ...this.feedOptions(since), seqInterval: this.batch })
    )
  }

  /** Waits for changes after a sequence. There may be none after the timeout of the poll. */
  poll(since: Json.Json | undefined): Effect.Effect<Page, ReplicateError> {
    const changes = this.onSource(
      Changes.longpoll(this.source.database, { ...this.feedOptions(since), timeout: this.timeout })
    )
    return Effect.gen(this, function*() {
      if (this.emptyPolls.wait > 0) yield* Effect.sleep(this.emptyPolls.wait)
      const startedAt = yield* Clock.currentTimeMillis
      const page = yield* this.withDeadline(changes)
      this.emptyPolls.record(page.changes.length === 0, (yield* Clock.currentTimeMillis) - startedAt)
      return page
    })
  }

  private feedOptions(since: Json.Json | undefined): Changes.DatabaseOptions {
    const { filter } = this.options
    const text = sequenceText(since)
    return {
      style: "all_docs",
      limit: this.batch,
      ...(text !== undefined && { since: text }),
      ...(filter !== undefined && { filter })
    }
  }

  private onSource<A, E>(effect: Effect.Effect<A, E, CouchHttp>): Effect.Effect<A, E> {
    return Effect.provideService(effect, CouchHttp, this.source.couch)
  }

  /** Without a deadline, a connection that breaks while the server withholds the response would block forever. */
  private withDeadline(changes: Effect.Effect<Page, ReplicateError>): Effect.Effect<Page, ReplicateError> {
    const duration = Duration.sum(this.timeout, pollGrace)
    return Effect.timeoutFail(changes, {
      duration,
      onTimeout: () =>
        new TimeoutError({
          method: "GET",
          path: `/${encodeURIComponent(this.source.database)}/_changes`,
          milliseconds: Duration.toMillis(duration)
        })
    })
  }
}
