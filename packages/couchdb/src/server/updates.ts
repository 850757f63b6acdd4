import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type ChangeRow } from "../changes/change.js"
import type { DatabaseOptions, FollowOptions } from "../changes/Changes.js"
import * as feeds from "../changes/feeds.js"
import { followEither } from "../changes/follow.js"
import type { Feed } from "../changes/request.js"
import { milliseconds } from "../changes/request.js"
import type { Source } from "../changes/source.js"
import type { DatabaseName } from "../data/DatabaseName.js"
import * as Revision from "../data/Revision.js"
import type { CouchHttp, CouchRequest } from "../http/CouchHttp.js"
import { query } from "../http/send.js"
import { member, type Row } from "../rows/row.js"
import { sequenceOf } from "../rows/row.js"
import type { RowsError } from "../rows/stream.js"
import type { Update, UpdatesFollowOptions, UpdatesOptions, UpdatesPage } from "./Server.js"

const request = (feed: Feed, options: DatabaseOptions): CouchRequest => ({
  method: "GET",
  path: `/_db_updates${
    query({
      feed: feed === "normal" ? undefined : feed,
      since: options.since,
      limit: options.limit,
      descending: options.descending,
      heartbeat: milliseconds(options.heartbeat),
      timeout: milliseconds(options.timeout)
    })
  }`,
  route: "/_db_updates",
  ...(feed !== "normal" && { kind: "feed" as const })
})

const kindOf = (json: unknown): Update["kind"] | undefined => {
  const kind = member(json, "type")
  return kind === "created" || kind === "updated" || kind === "deleted" ? kind : undefined
}

// The feed is read as a feed of documents whose ids are the names of databases. Their revisions are not used.
const noRevision = Revision.make("1-none")

const parse = (row: Row): ChangeRow | undefined => {
  const id = member(row.json, "db_name")
  if (typeof id !== "string" || kindOf(row.json) === undefined) return undefined
  const sequence = sequenceOf(member(row.json, "seq"))
  return { id, sequence, revisions: [noRevision], deleted: false, row }
}

const source: Source<Update> = {
  database: "" as DatabaseName,
  bringsDocuments: true,
  concerns: () => true,
  document: (row) => {
    const database = member(row.json, "db_name")
    const kind = kindOf(row.json)
    return Effect.succeed(
      typeof database === "string" && kind !== undefined
        ? Option.some({ database, kind, sequence: sequenceOf(member(row.json, "seq")) })
        : Option.none()
    )
  },
  body: () => Option.none(),
  feed: { request, parse }
}

export const page = (
  feed: Feed,
  options: UpdatesOptions
): Effect.Effect<UpdatesPage, RowsError, CouchHttp> =>
  feeds.page(source, feed, options).pipe(
    // The source decodes without a schema, so this cannot happen.
    Effect.catchTag("DecodeError", Effect.die),
    Effect.map(({ changes, lastSequence }) => ({
      updates: changes.flatMap((change) => change._tag === "Changed" ? Option.toArray(change.document) : []),
      lastSequence
    }))
  )

const updatesIn = <E, R>(
  self: Stream.Stream<Either.Either<Parameters<typeof updateOf>[0], unknown>, E, R>
): Stream.Stream<Update, E, R> =>
  Stream.filterMap(self, (either) => Either.isRight(either) ? updateOf(either.right) : Option.none())

const updateOf = (
  change: { readonly _tag: "Changed"; readonly document: Option.Option<Update> } | {
    readonly _tag: "Deleted" | "DatabaseGone"
  }
): Option.Option<Update> => change._tag === "Changed" ? change.document : Option.none()

export const continuous = (options: UpdatesOptions): Stream.Stream<Update, RowsError, CouchHttp> =>
  updatesIn(feeds.continuousEither(source, options))

export const follow = <E, R, E2, R2>(
  options: UpdatesFollowOptions<E, R, E2, R2>
): Stream.Stream<Update, RowsError | E | E2, CouchHttp | R | R2> =>
  updatesIn(followEither<Update, never, E, R, E2, R2>(source, options as FollowOptions<E, R, E2, R2>))
