import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { Answer, DatabaseContext } from "./context.js"
import { byMethod } from "./context.js"
import { print } from "./print.js"
import { printWinner } from "./reading.js"
import type { Checked } from "./refusal.js"
import { badRequest, internalError, notImplemented } from "./refusal.js"
import * as Req from "./request.js"
import * as Response from "./response.js"
import * as RevisionTree from "./revisionTree.js"
import * as Revs from "./revs.js"
import type { Position } from "./sequences.js"
import * as Sequences from "./sequences.js"
import type { Database, DocumentRecord } from "./state.js"

interface Query {
  readonly since: Position
  readonly descending: boolean
  readonly limit: number
  readonly allLeaves: boolean
  readonly interval: number
  readonly includeDocs: boolean
  readonly flags: ReadonlySet<string>
  readonly wanted: (id: string) => boolean
}

const integer = (text: string): Checked<number> =>
  /^[+-]?\d+$/.test(text) ? Either.right(Number(text)) : internalError("badarg")

const docIds = (list: Json.Json | undefined): Checked<(id: string) => boolean> => {
  if (!Json.isArray(list) || !list.every((id) => typeof id === "string")) {
    return badRequest("`doc_ids` filter parameter is not a list of doc ids.")
  }
  const ids = new Set<Json.Json>(list)
  return Either.right((id) => ids.has(id))
}

const filterOf = (
  context: DatabaseContext,
  name: string | undefined,
  body: Json.JsonObject | undefined
): Checked<(id: string) => boolean> => {
  if (name === undefined || name === "") return Either.right(() => true)
  if (name === "_doc_ids") {
    if (body !== undefined) return docIds(Json.get(body, "doc_ids"))
    const text = Req.param(context.request, "doc_ids")
    return text === undefined ? docIds(undefined) : Either.flatMap(Req.parseValue(text), docIds)
  }
  if (name === "_design") return Either.right((id) => id.startsWith("_design/"))
  if (name === "_selector" || name === "_view") return notImplemented(`the changes filter ${name}`)
  if (name.startsWith("_")) return badRequest("unknown builtin filter name")
  return name.includes("/")
    ? notImplemented("changes filters of design documents")
    : badRequest("`filter` must be of the form `designname/filtername`")
}

const feeds = ["normal", "continuous", "live", "longpoll", "eventsource"]

const queryOf = (context: DatabaseContext, body: Json.JsonObject | undefined): Checked<Query> =>
  Either.gen(function*() {
    const { database, request } = context
    const values = new Map(request.query.map(([name, value]) => [name.toLowerCase(), value]))
    const limit = yield* integer(values.get("limit") ?? "1000000000000000")
    const style = values.get("style") ?? "main_only"
    const interval = values.get("seq_interval")
    if (interval !== undefined && !/^\+?0*[1-9]\d*$/.test(interval)) return yield* badRequest("invalid_seq_interval")
    const wanted = yield* filterOf(context, values.get("filter"), body)
    const feed = values.get("feed") ?? "normal"
    if (!feeds.includes(feed)) {
      return yield* badRequest("Supported `feed` types: normal, continuous, live, longpoll, eventsource")
    }
    if (feed !== "normal") return yield* notImplemented(`the changes feed ${feed}`)
    if (style !== "main_only" && style !== "all_docs") return yield* internalError("function_clause")
    const descending = values.get("descending") === "true"
    const since = yield* Sequences.decode(database, values.get("since") ?? values.get("last-event-id") ?? "0")
    return {
      since,
      descending,
      limit: limit < 0 ? Infinity : limit,
      allLeaves: style === "all_docs",
      interval: interval === undefined ? 1 : Number(interval),
      includeDocs: values.get("include_docs") === "true",
      flags: new Set(["conflicts", "attachments"].filter((name) => values.get(name) === "true")),
      wanted
    }
  })

interface Update {
  readonly seq: number
  readonly id: string
}

/** What each shard has to tell, in the order of its sequence or against it. */
const updatesOf = (database: Database, query: Query): ReadonlyArray<ReadonlyArray<Update>> =>
  database.shards.map(({ log }, i) => {
    const since = query.since[i] ?? 0
    const current = log.filter(({ id, seq }) =>
      (query.descending || seq > since) && database.documents.get(id)?.seq === seq
    )
    return query.descending ? current.reverse() : current
  })

const row = (record: DocumentRecord, seq: string | null, query: Query): string => {
  const { tree } = record
  const node = RevisionTree.winner(tree)
  const leaves = query.allLeaves ? tree.leaves : tree.leaves.slice(0, 1)
  const gone = node?.version?.deleted === true ? ",\"deleted\":true" : ""
  const doc = query.includeDocs && node?.version !== undefined
    ? `,"doc":${printWinner(record, node, node.version, query.flags, Infinity).text}`
    : ""
  return `{"seq":${print(seq)},"id":${print(record.id)},"changes":${
    print(leaves.map((leaf) => ({ rev: Revs.format(leaf) })))
  }${gone}${doc}}`
}

/** Reads the shards in turns of chance, as their answers would come in over a network. */
const read = (context: DatabaseContext, query: Query) => {
  const { database, server } = context
  const queues = updatesOf(database, query)
  const at = queues.map(() => 0)
  const position = Array.from(query.descending ? Sequences.now(database) : query.since)
  const rows: Array<string> = []
  for (;;) {
    const open = queues.flatMap((queue, i) => (at[i] ?? 0) < queue.length ? [i] : [])
    if (rows.length >= query.limit || open.length === 0) {
      // CouchDB counts what a filter holds back as still to come.
      const pending = queues.reduce((sum, { length }) => sum + length, 0) - rows.length
      if (open.length === 0 && !query.descending) Sequences.now(database).forEach((seq, i) => position[i] = seq)
      return { rows, pending, last: Sequences.encode(database, position) }
    }
    const shard = open[open.length === 1 ? 0 : server.random.below(open.length)] ?? 0
    const update = queues[shard]?.[at[shard] ?? 0]
    at[shard] = (at[shard] ?? 0) + 1
    const record = update === undefined ? undefined : database.documents.get(update.id)
    if (update === undefined || record === undefined) continue
    position[shard] = update.seq
    if (!query.wanted(record.id)) continue
    const told = query.interval === 1 || (query.limit - rows.length) % query.interval === 0
    rows.push(row(record, told ? Sequences.encode(database, position) : null, query))
  }
}

const changes = (context: DatabaseContext, body: Json.JsonObject | undefined): Answer =>
  Either.map(queryOf(context, body), (query) => {
    const { database, request } = context
    const etag = Response.etagOf(Sequences.encode(database, Sequences.now(database)))
    return Response.unlessKnown(request, etag, () => {
      const { last, pending, rows } = read(context, query)
      return Response.text(
        200,
        `{"results":[\n${rows.join(",\r\n")}\n],\n"last_seq":${print(last)},"pending":${pending}}\n`,
        { etag }
      )
    })
  })

const post = (context: DatabaseContext): Answer =>
  Either.gen(function*() {
    yield* Req.requireJson(context.request)
    if (Req.hasBody(context.request) && Req.bodyLength(context.request) === 0) return yield* changes(context, undefined)
    const body = yield* Req.json(context.request)
    if (!Json.isObject(body)) return yield* badRequest("Request body must be a JSON object")
    return yield* changes(context, body)
  })

/** `/db/_changes` */
export const handle = (context: DatabaseContext): Answer =>
  byMethod(context, {
    GET: () => changes(context, undefined),
    POST: () => post(context)
  }, "GET,POST,HEAD")
