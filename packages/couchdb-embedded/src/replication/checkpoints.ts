import * as Json from "effect-couchdb/Json"
import type { DatabaseContext } from "../access/context.js"
import * as Writes from "../documents/writes.js"

/** The common checkpoint of both databases. */
export interface Checkpoint {
  /** The sequence of the source after which to continue. `undefined` to start from the beginning. */
  readonly since: string | undefined
  readonly history: ReadonlyArray<Json.Json>
}

const none: Checkpoint = { since: undefined, history: [] }

const bodyOf = ({ database }: DatabaseContext, id: string): Json.JsonObject =>
  database.locals.get(`_local/${id}`)?.body ?? {}

const textOf = (entry: Json.Json | undefined, name: string): string | undefined => {
  const value = entry !== undefined && Json.isObject(entry) ? Json.get(entry, name) : undefined
  return typeof value === "string" ? value : undefined
}

const historyOf = (body: Json.JsonObject): ReadonlyArray<Json.Json> => {
  const history = Json.get(body, "history")
  return Json.isArray(history) ? history : []
}

const at = (entry: Json.Json, history: ReadonlyArray<Json.Json>): Checkpoint => ({
  since: textOf(entry, "recorded_seq"),
  history
})

/** The latest session that both databases have. */
const common = (source: ReadonlyArray<Json.Json>, target: ReadonlyArray<Json.Json>): Checkpoint => {
  for (let i = 0; i < Math.min(source.length, target.length); i++) {
    const [ours, theirs] = [source[i], target[i]]
    const has = (list: ReadonlyArray<Json.Json>, entry: Json.Json | undefined): boolean =>
      list.some((other) => textOf(other, "session_id") === textOf(entry, "session_id"))
    if (ours !== undefined && has(target.slice(i), ours)) return at(ours, source.slice(i + 1))
    if (theirs !== undefined && has(source.slice(i + 1), theirs)) return at(theirs, target.slice(i + 1))
  }
  return none
}

/** The checkpoint on which both databases agree. */
export const read = (source: DatabaseContext, target: DatabaseContext, id: string): Checkpoint => {
  const [ours, theirs] = [bodyOf(source, id), bodyOf(target, id)]
  return textOf(ours, "session_id") === textOf(theirs, "session_id")
    ? { since: textOf(ours, "source_last_seq"), history: historyOf(ours) }
    : common(historyOf(ours), historyOf(theirs))
}

/** The last checkpoint of the source. */
export const last = bodyOf

/** Writes a session to both databases. */
export const write = (places: ReadonlyArray<DatabaseContext>, id: string, body: Json.JsonObject): void => {
  for (const { database, server, user } of new Map(places.map((place) => [place.database, place])).values()) {
    const before = database.locals.get(`_local/${id}`)
    Writes.edit(server, database, user, [{
      id: `_local/${id}`,
      generation: 0,
      hashes: before === undefined ? [] : [before.rev],
      deleted: false,
      body,
      attachments: []
    }])
  }
}
