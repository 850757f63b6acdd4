import type * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { DatabaseContext } from "../access/context.js"
import type { Idle } from "../http/openFeed.js"
import * as Feeds from "../http/openFeed.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, internalError } from "../http/refusal.js"
import * as Req from "../http/request.js"
import type { Position } from "../storage/sequences.js"
import * as Sequences from "../storage/sequences.js"
import type { Filter } from "./filters.js"
import * as Filters from "./filters.js"

export type Feed = "normal" | "continuous" | "longpoll" | "eventsource"

/** The parameters of `_changes`. */
export interface Query {
  readonly feed: Feed
  readonly since: Position
  readonly descending: boolean
  readonly limit: number
  readonly allLeaves: boolean
  readonly interval: number
  readonly includeDocs: boolean
  readonly flags: ReadonlySet<string>
  readonly filter: Filter
  readonly idle: Idle
}

const integer = (text: string): Checked<number> =>
  /^[+-]?\d+$/.test(text) ? Either.right(Number(text)) : internalError("badarg")

const feedOf = (name: string): Checked<Feed> => {
  switch (name) {
    case "normal":
    case "continuous":
    case "longpoll":
    case "eventsource":
      return Either.right(name)
    case "live":
      return Either.right("continuous")
    default:
      return badRequest("Supported `feed` types: normal, continuous, live, longpoll, eventsource")
  }
}

/** Parses the parameters. Their names are case-insensitive. */
export const parse = (context: DatabaseContext, body: Json.JsonObject | undefined): Checked<Query> =>
  Either.gen(function*() {
    const { database, request } = context
    const values = new Map(request.query.map(([name, value]) => [name.toLowerCase(), value]))
    const limit = yield* integer(values.get("limit") ?? "1000000000000000")
    yield* integer(values.get("timeout") ?? "0")
    const idle = yield* Feeds.parseIdle(values.get("heartbeat"), values.get("timeout"))
    const style = values.get("style") ?? "main_only"
    const interval = values.get("seq_interval")
    if (interval !== undefined && !/^\+?0*[1-9]\d*$/.test(interval)) return yield* badRequest("invalid_seq_interval")
    const filter = yield* Filters.make(context, values.get("filter"), body)
    const feed = yield* feedOf(values.get("feed") ?? "normal")
    if (style !== "main_only" && style !== "all_docs") return yield* internalError("function_clause")
    // A browser that reconnects sends its position in a header.
    const again = feed === "eventsource" ? Req.header(request, "last-event-id") : undefined
    const since = again ?? values.get("since") ?? values.get("last-event-id") ?? "0"
    return {
      feed,
      since: yield* Sequences.decode(database, since),
      descending: values.get("descending") === "true",
      limit: limit < 0 ? Infinity : limit,
      allLeaves: style === "all_docs",
      interval: interval === undefined ? 1 : Number(interval),
      includeDocs: values.get("include_docs") === "true",
      flags: new Set(["conflicts", "attachments", "att_encoding_info"].filter((name) => values.get(name) === "true")),
      filter,
      idle
    }
  })
