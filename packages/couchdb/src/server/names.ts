import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Json from "../data/Json.js"
import * as Database from "../database/Database.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { type Failure, query, sendDecoded } from "../http/send.js"
import type { DatabaseInfo, NamesOptions } from "./Server.js"

const json = (text: string | undefined): string | undefined => text === undefined ? undefined : Json.stringify(text)

/** The names in one response. */
export const names = (options: NamesOptions): Effect.Effect<ReadonlyArray<string>, Failure, CouchHttp> =>
  sendDecoded(Schema.Array(Schema.String), {
    method: "GET",
    path: `/_all_dbs${
      query({
        start_key: json(options.startKey),
        end_key: json(options.endKey),
        inclusive_end: options.inclusiveEnd,
        descending: options.descending,
        limit: options.limit,
        skip: options.skip
      })
    }`,
    route: "/_all_dbs"
  })

const pageSize = 1_000

/** Streams all names page by page. Each page starts after the last name of the previous one. */
export const allNames: Stream.Stream<string, Failure, CouchHttp> = Stream.paginateChunkEffect(
  undefined as string | undefined,
  (last) =>
    Effect.map(names({ startKey: last, limit: pageSize + (last === undefined ? 0 : 1) }), (page) => {
      // The last name may have been deleted meanwhile.
      const newNames = last !== undefined && page[0] === last ? page.slice(1) : page
      const next = page.length < pageSize ? Option.none() : Option.fromNullable(newNames.at(-1))
      return [Chunk.unsafeFromArray(newNames), next] as const
    })
)

const Infos = Schema.Array(
  Schema.Struct({ key: Schema.String, info: Schema.optionalWith(Database.Info, { as: "Option" }) })
)

/** CouchDB accepts no more names in one request. */
const maxNames = 100

const infosOf = (keys: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<DatabaseInfo>, Failure, CouchHttp> =>
  Effect.map(
    sendDecoded(Infos, {
      method: "POST",
      path: "/_dbs_info",
      route: "/_dbs_info",
      body: Json.stringify({ keys }),
      idempotent: true
    }),
    (rows) => rows.map(({ info, key }) => ({ name: key, info }))
  )

export const infos = <E, R>(
  all: Stream.Stream<string, E, R>
): Stream.Stream<DatabaseInfo, Failure | E, CouchHttp | R> =>
  Stream.mapConcatEffect(
    Stream.rechunk(all, maxNames).pipe(Stream.chunks),
    (chunk) => infosOf(Chunk.toReadonlyArray(chunk))
  )
