/** The complete content of an engine. */
import * as Effect from "effect/Effect"
import type * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import { client } from "../client.js"

const paths = [
  "",
  "/_security",
  "/_revs_limit",
  "/_purged_infos_limit",
  "/_all_docs?include_docs=true&conflicts=true&update_seq=true",
  "/_local_docs?include_docs=true",
  "/_design_docs"
]

interface Row {
  readonly id: string
  readonly [member: string]: unknown
}

const known = (value: unknown): ReadonlyArray<string> =>
  Array.from(JSON.stringify(value).matchAll(/"rev":"([^"]+)"/g), ([, rev]) => rev ?? "")

/** Every database, every document with all revisions and attachments, settings, local documents, and the feeds. */
export const everything = (couch: EmbeddedCouch.Service, headers: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function*() {
    const send = client(couch, { accept: "application/json", ...headers })
    const all: Record<string, unknown> = {}
    const get = (path: string) =>
      Effect.map(send("GET", path), ({ headers, status, text }) => {
        const { "date": _date, "x-couch-request-id": _id, ...rest } = headers
        all[path] = [status, rest, text]
        return text
      })
    yield* get("/")
    yield* get("/_db_updates?since=0")
    const names: ReadonlyArray<string> = JSON.parse(yield* get("/_all_dbs"))
    for (const name of names) {
      const database = `/${encodeURIComponent(name)}`
      for (const path of paths) yield* get(database + path)
      const feed = yield* send("GET", `${database}/_changes?style=all_docs&include_docs=true&attachments=true`)
      // The order of the shards is random, but the set of changes is not.
      const rows: ReadonlyArray<Row> = JSON.parse(feed.text).results.map(({ seq: _seq, ...row }: Row) => row)
      all[`${database}/_changes`] = Array.from(rows).sort((a, b) => a.id < b.id ? -1 : 1)
      for (const { id } of rows) {
        const path = `${database}/${id.startsWith("_design/") ? id : encodeURIComponent(id)}`
        yield* get(`${path}?open_revs=all&revs=true&attachments=true&att_encoding_info=true`)
        const info = yield* get(`${path}?revs_info=true&conflicts=true&deleted_conflicts=true&local_seq=true`)
        for (const rev of known(JSON.parse(info))) yield* get(`${path}?rev=${rev}&revs=true&attachments=true`)
      }
    }
    return all
  })
