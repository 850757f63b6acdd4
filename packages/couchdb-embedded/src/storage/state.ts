import type { JsonObject } from "effect-couchdb/Json"
import { crc32 } from "../encoding/crc32.js"
import type { Random } from "../encoding/random.js"
import * as Utf8 from "../encoding/utf8.js"
import type { Functions } from "../functions/sources.js"
import type { Job } from "./job.js"
import type { Node } from "./nodeInfo.js"
import type { Tree } from "./revisionTree.js"
import * as RevisionTree from "./revisionTree.js"
import type { Watchers } from "./watchers.js"
import * as Watching from "./watchers.js"

/** A stored attachment. */
export interface Attachment {
  readonly name: string
  readonly contentType: string
  readonly revpos: number
  readonly digest: string
  /** The length before compression. */
  readonly length: number
  readonly encoding: "identity" | "gzip"
  /** The stored bytes, which may be compressed. */
  readonly data: Uint8Array
}

/** The stored content of a revision. The body has no underscore members, and keeps the digits of its numbers. */
export interface Version {
  readonly deleted: boolean
  readonly body: JsonObject
  readonly attachments: ReadonlyArray<Attachment>
  /** The cached JSON text of the body, without braces. */
  printed?: string
  /** The cached sizes. */
  sizes?: { readonly active: number; readonly external: number }
}

export interface DocumentRecord {
  readonly id: string
  readonly tree: Tree<Version>
  /** The sequence of the shard's last write to this document. */
  readonly seq: number
}

export interface LocalDocument {
  readonly id: string
  readonly rev: string
  readonly body: JsonObject
}

/** A part of a database with its own sequence. */
export interface Shard {
  readonly range: readonly [number, number]
  seq: number
  /** All updates in order. Entries with a later update of the same document are skipped, and removed now and then. */
  log: Array<{ readonly seq: number; readonly id: string }>
  live: number
  /**
   * CouchDB checks the parent of a write in advance only until it knows that the database has no validation function.
   * After that, a write may name an unknown revision as its parent.
   */
  validatorsKnown: boolean
}

/** A change of the data of a server. */
export type Change =
  | { readonly _tag: "Created"; readonly database: Database }
  | { readonly _tag: "Dropped"; readonly database: Database }
  | {
    readonly _tag: "Stored"
    readonly database: Database
    readonly before: DocumentRecord | undefined
    readonly after: DocumentRecord
  }
  | { readonly _tag: "Forgotten"; readonly database: Database; readonly shard: Shard; readonly id: string }
  | {
    readonly _tag: "Local"
    readonly database: Database
    readonly id: string
    readonly local: LocalDocument | undefined
  }
  | { readonly _tag: "Settings"; readonly database: Database }
  | { readonly _tag: "PurgeCounted"; readonly database: Database }
  | { readonly _tag: "Compacted"; readonly database: Database }

/** Receives every change in order, right after it happened. */
export type Journal = (change: Change) => void

export interface Database {
  readonly name: string
  /** Distinguishes databases of the same name that were created one after the other. */
  readonly instance: string
  readonly created: number
  readonly replicas: number
  readonly partitioned: boolean
  readonly shards: ReadonlyArray<Shard>
  readonly documents: Map<string, DocumentRecord>
  readonly locals: Map<string, LocalDocument>
  readonly watchers: Watchers
  /** The ids of all live documents, sorted by their bytes. */
  readonly liveIds: Array<string>
  security: JsonObject
  revsLimit: number
  purgedInfosLimit: number
  purgeSeq: number
  deletedCount: number
  /** Whether the database was deleted. Deletion ends its feeds. */
  dropped: boolean
  /** Receives the changes of this database. `undefined` if the data are in memory only. */
  journal: Journal | undefined
}

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** The state of one engine, which answers one request at a time. */
export interface Server {
  readonly uuid: string
  readonly defaultShards: number
  readonly admin: Credentials | undefined
  readonly adminSalt: string
  /** Signs session cookies. */
  readonly secret: string
  readonly random: Random
  readonly nextId: () => string
  readonly databases: Map<string, Database>
  readonly updates: Updates
  /** The running replications. */
  readonly jobs: Map<string, Job>
  readonly functions: Functions
  readonly journal: Journal | undefined
  readonly node: Node
  /** The maximum size of a request body after decompression. */
  readonly maxBodyBytes: number
}

/** The latest event of each kind and database, oldest first. */
export interface Updates {
  readonly log: Map<string, Update>
  readonly watchers: Watchers
  seq: number
}

export interface Update {
  readonly database: string
  readonly type: "created" | "updated" | "deleted"
  readonly seq: number
}

/** The part of the state that a journal persists. */
export type Holdings = Pick<Server, "databases" | "updates">

/** Records a database event. */
const recordUpdate = ({ databases, updates }: Holdings, database: string, type: Update["type"]): void => {
  const isRecorded = databases.has("_global_changes")
  // CouchDB records events in `_global_changes`, and none of that database itself.
  if (database === "_global_changes" || (database.startsWith("_") && !isRecorded)) return
  // The list of databases is itself a database.
  if (isRecorded && type !== "updated") recordUpdate({ databases, updates }, "_dbs", "updated")
  const key = `${type}:${database}`
  updates.log.delete(key)
  updates.log.set(key, { database, type, seq: ++updates.seq })
  Watching.wake(updates.watchers)
}

/** Adds a database to the server, and records its events from now on. */
export const addDatabase = (
  server: Holdings & { readonly journal?: Journal | undefined },
  database: Database
): void => {
  database.journal = server.journal
  server.databases.set(database.name, database)
  database.journal?.({ _tag: "Created", database })
  recordUpdate(server, database.name, "created")
  database.watchers.always.add(() => recordUpdate(server, database.name, "updated"))
}

/** Deletes a database, and ends its feeds. */
export const dropDatabase = (server: Holdings, name: string): boolean => {
  const database = server.databases.get(name)
  if (database === undefined) return false
  server.databases.delete(name)
  database.dropped = true
  database.journal?.({ _tag: "Dropped", database })
  Watching.end(database.watchers)
  recordUpdate(server, name, "deleted")
  return true
}

const hashSpace = 0x100000000

const adminsOnly: JsonObject = { members: { roles: ["_admin"] }, admins: { roles: ["_admin"] } }

export const makeDatabase = (options: {
  readonly name: string
  readonly instance: string
  readonly created: number
  readonly shards: number
  readonly replicas: number
  readonly partitioned: boolean
}): Database => ({
  name: options.name,
  instance: options.instance,
  created: options.created,
  replicas: options.replicas,
  partitioned: options.partitioned,
  shards: Array.from({ length: options.shards }, (_, i): Shard => ({
    range: [
      Math.floor((hashSpace * i) / options.shards),
      Math.floor((hashSpace * (i + 1)) / options.shards) - 1
    ],
    seq: 0,
    log: [],
    live: 0,
    validatorsKnown: false
  })),
  documents: new Map(),
  locals: new Map(),
  watchers: Watching.make(),
  liveIds: [],
  security: adminsOnly,
  revsLimit: 1000,
  purgedInfosLimit: 1000,
  purgeSeq: 0,
  deletedCount: 0,
  dropped: false,
  journal: undefined
})

/** The shard of a document. */
export const shardOf = (database: Database, id: string): Shard => {
  const colon = database.partitioned && !id.startsWith("_design/") ? id.indexOf(":") : -1
  const hash = crc32(colon < 0 ? id : id.slice(0, colon))
  const { shards } = database
  const estimate = Math.min(Math.floor((hash / hashSpace) * shards.length), shards.length - 1)
  return shards.find(({ range }) => range[0] <= hash && hash <= range[1]) ?? shards[estimate] ?? emptyShard
}

const emptyShard: Shard = { range: [0, 0], seq: 0, log: [], live: 0, validatorsKnown: false }

const isLive = ({ tree }: DocumentRecord): boolean =>
  tree.leaves[0] !== undefined && tree.leaves[0].version?.deleted !== true

/** Stores the new state of a document as the next update of its shard. */
export const store = (database: Database, shard: Shard, id: string, tree: Tree<Version>): void => {
  const before = database.documents.get(id)
  const record: DocumentRecord = { id, tree, seq: ++shard.seq }
  database.documents.set(id, record)
  shard.log.push({ seq: record.seq, id })
  if (before === undefined) shard.live++
  updateIndexes(database, id, before, record)
  if (shard.log.length > 64 && shard.log.length > 2 * shard.live) compactLog(database, shard)
  database.journal?.({ _tag: "Stored", database, before, after: record })
  Watching.wake(database.watchers)
}

/** Removes a document with its history. */
export const removeDocument = (database: Database, shard: Shard, id: string): void => {
  const before = database.documents.get(id)
  if (before === undefined) return
  database.documents.delete(id)
  shard.live--
  shard.seq++
  updateIndexes(database, id, before, undefined)
  database.journal?.({ _tag: "Forgotten", database, shard, id })
  Watching.wake(database.watchers)
}

/** Stores or deletes a local document. */
export const storeLocal = (database: Database, id: string, local: LocalDocument | undefined): void => {
  if (local === undefined) database.locals.delete(id)
  else database.locals.set(id, local)
  database.journal?.({ _tag: "Local", database, id, local })
}

/** Changes settings. This counts as an update of every shard. */
export const configure = (
  database: Database,
  settings: Partial<Pick<Database, "security" | "revsLimit" | "purgedInfosLimit">>
): void => {
  Object.assign(database, settings)
  for (const shard of database.shards) shard.seq++
  database.journal?.({ _tag: "Settings", database })
  Watching.wake(database.watchers)
}

/** Counts a purged document, whether or not it exists. */
export const countPurge = (database: Database): void => {
  database.purgeSeq++
  database.journal?.({ _tag: "PurgeCounted", database })
}

/** Drops the content of all revisions that are not leaves. */
export const compact = (database: Database): void => {
  for (const [id, record] of database.documents) {
    database.documents.set(id, { ...record, tree: RevisionTree.compact(record.tree) })
  }
  database.journal?.({ _tag: "Compacted", database })
}

const compactLog = (database: Database, shard: Shard): void => {
  shard.log = shard.log.filter(({ id, seq }) => database.documents.get(id)?.seq === seq)
}

const updateIndexes = (
  database: Database,
  id: string,
  before: DocumentRecord | undefined,
  after: DocumentRecord | undefined
): void => {
  const was = before !== undefined && isLive(before)
  const is = after !== undefined && isLive(after)
  if (before !== undefined && !was) database.deletedCount--
  if (after !== undefined && !is) database.deletedCount++
  if (was === is) return
  const { liveIds } = database
  const last = liveIds[liveIds.length - 1]
  if (is && (last === undefined || Utf8.compare(last, id) < 0)) {
    liveIds.push(id)
    return
  }
  const at = Utf8.lowerBound(liveIds, id)
  if (is) liveIds.splice(at, 0, id)
  else liveIds.splice(at, 1)
}
