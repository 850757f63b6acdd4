import * as DateTime from "effect/DateTime"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { isObject } from "../rows/row.js"
import type { ActiveTask } from "./Server.js"

const Wire = Schema.Record({ key: Schema.String, value: Schema.Unknown })

type Wire = typeof Wire.Type

const text = (wire: Wire, name: string): string => {
  const value = wire[name]
  return typeof value === "string" ? value : ""
}

const number = (wire: Wire, name: string): number => {
  const value = wire[name]
  return typeof value === "number" ? value : 0
}

const time = (wire: Wire, name: string): DateTime.Utc => DateTime.unsafeMake(number(wire, name) * 1000)

/** The database of a shard file: `zoo` for `shards/00000000-7fffffff/zoo.1700000000`. */
const databaseOf = (shard: string): string => shard.replace(/^shards\/[^/]*\//, "").replace(/\.\d+$/, "")

const common = (wire: Wire) => ({
  node: text(wire, "node"),
  pid: text(wire, "pid"),
  startedOn: time(wire, "started_on"),
  updatedOn: time(wire, "updated_on"),
  fields: wire
})

const onDatabase = (wire: Wire) => ({
  ...common(wire),
  database: databaseOf(text(wire, "database")),
  shard: text(wire, "database"),
  progress: number(wire, "progress"),
  changesDone: number(wire, "changes_done"),
  totalChanges: number(wire, "total_changes")
})

const design = (wire: Wire): string => text(wire, "design_document").replace(/^_design\//, "")

const toTask = (wire: Wire): ActiveTask => {
  switch (wire["type"]) {
    case "database_compaction":
      return { _tag: "DatabaseCompaction", ...onDatabase(wire), phase: text(wire, "phase") }
    case "view_compaction":
      return { _tag: "ViewCompaction", ...onDatabase(wire), design: design(wire), phase: text(wire, "phase") }
    case "indexer":
      return { _tag: "Indexer", ...onDatabase(wire), design: design(wire) }
    case "search_indexer":
      return { _tag: "SearchIndexer", ...onDatabase(wire), design: design(wire), index: text(wire, "index") }
    case "replication": {
      const pending = wire["changes_pending"]
      return {
        _tag: "ReplicationTask",
        ...common(wire),
        id: text(wire, "replication_id"),
        document: text(wire, "doc_id"),
        source: text(wire, "source"),
        target: text(wire, "target"),
        continuous: wire["continuous"] === true,
        changesPending: typeof pending === "number" ? pending : undefined,
        docsRead: number(wire, "docs_read"),
        docsWritten: number(wire, "docs_written"),
        docWriteFailures: number(wire, "doc_write_failures"),
        revisionsChecked: number(wire, "revisions_checked"),
        missingRevisionsFound: number(wire, "missing_revisions_found")
      }
    }
    default:
      return { _tag: "OtherTask", ...common(wire), type: text(wire, "type") }
  }
}

/** Tasks are only decoded in practice; encoding returns their `fields`. */
export const ActiveTasks: Schema.Schema<ReadonlyArray<ActiveTask>, ReadonlyArray<Wire>> = Schema.transformOrFail(
  Schema.Array(Wire),
  Schema.Array(Schema.declare((task): task is ActiveTask => isObject(task) && typeof task["_tag"] === "string")),
  {
    strict: true,
    decode: (all) => ParseResult.succeed(all.map(toTask)),
    encode: (all) => ParseResult.succeed(all.map(({ fields }) => fields))
  }
)
