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

/** An attachment as it is stored. */
export interface Attachment {
  readonly name: string
  readonly contentType: string
  readonly revpos: number
  readonly digest: string
  /** The length before it was compressed. */
  readonly length: number
  readonly encoding: "identity" | "gzip"
  /** The bytes as they are stored. */
  readonly data: Uint8Array
}

/** What is stored of one revision: the body without underscore members, exact to the digit. */
export interface Version {
  readonly deleted: boolean
  readonly body: JsonObject
  readonly attachments: ReadonlyArray<Attachment>
  /** The body as CouchDB prints it, without braces; printed once, when it is first read. */
  printed?: string
  /** Its sizes; measured once, when they are first asked for. */
  sizes?: { readonly active: number; readonly external: number }
}

export interface DocumentRecord {
  readonly id: string
  readonly tree: Tree<Version>
  /** The update of the shard that wrote the document last. */
  readonly seq: number
}

export interface LocalDocument {
  readonly id: string
  readonly rev: string
  readonly body: JsonObject
}

/** A part of a database with a sequence of its own. */
export interface Shard {
  readonly range: readonly [number, number]
  seq: number
  /** Every update in order; what a later update of the same document overtook is skipped, and swept now and then. */
  log: Array<{ readonly seq: number; readonly id: string }>
  live: number
  /**
   * CouchDB checks the parent of a write before it stores it only until it knows that there is nothing else to
   * validate: from then on, a revision whose document was never seen becomes a parent unasked.
   */
  validatorsKnown: boolean
}

/** One change of what a server holds. */
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

/** Is told every change right after it happened, in the order in which they happen. */
export type Journal = (change: Change) => void

export interface Database {
  readonly name: string
  /** Tells one life of a database from the next of the same name. */
  readonly instance: string
  readonly created: number
  readonly replicas: number
  readonly partitioned: boolean
  readonly shards: ReadonlyArray<Shard>
  readonly documents: Map<string, DocumentRecord>
  readonly locals: Map<string, LocalDocument>
  readonly watchers: Watchers
  /** The ids of all documents that are not deleted, in the order of their bytes. */
  readonly liveIds: Array<string>
  security: JsonObject
  revsLimit: number
  purgedInfosLimit: number
  purgeSeq: number
  deletedCount: number
  /** Whether it was deleted, which ends its feeds. */
  dropped: boolean
  /** Where its changes are noted; nowhere, where all is in memory. */
  journal: Journal | undefined
}

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** All that one engine knows. It belongs to that engine, which answers one request at a time. */
export interface Server {
  readonly uuid: string
  readonly defaultShards: number
  readonly admin: Credentials | undefined
  readonly adminSalt: string
  /** What cookies are signed with. */
  readonly secret: string
  readonly random: Random
  readonly nextId: () => string
  readonly databases: Map<string, Database>
  readonly updates: Updates
  /** The replications that go on. */
  readonly replications: Map<string, Job>
  readonly functions: Functions
  readonly journal: Journal | undefined
  readonly node: Node
  /** How many bytes a compressed body of a request may become. */
  readonly maxBodyBytes: number
}

/** The latest event of each kind of each database, the oldest first. */
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

/** The part of a server that outlives it, where there is a journal. */
export type Holdings = Pick<Server, "databases" | "updates">

/** Notes what became of a database. */
export const note = ({ databases, updates }: Holdings, database: string, type: Update["type"]): void => {
  const heard = databases.has("_global_changes")
  // CouchDB notes these in `_global_changes`, and there nothing of that database itself.
  if (database === "_global_changes" || (database.startsWith("_") && !heard)) return
  // The list of databases is a database of its own.
  if (heard && type !== "updated") note({ databases, updates }, "_dbs", "updated")
  const key = `${type}:${database}`
  updates.log.delete(key)
  updates.log.set(key, { database, type, seq: ++updates.seq })
  Watching.wake(updates.watchers)
}

/** Gives the server a database, and notes from then on what is done to it. */
export const addDatabase = (
  server: Holdings & { readonly journal?: Journal | undefined },
  database: Database
): void => {
  database.journal = server.journal
  server.databases.set(database.name, database)
  database.journal?.({ _tag: "Created", database })
  note(server, database.name, "created")
  database.watchers.always.add(() => note(server, database.name, "updated"))
}

/** Takes a database away; its feeds end. */
export const dropDatabase = (server: Holdings, name: string): boolean => {
  const database = server.databases.get(name)
  if (database === undefined) return false
  server.databases.delete(name)
  database.dropped = true
  database.journal?.({ _tag: "Dropped", database })
  Watching.end(database.watchers)
  note(server, name, "deleted")
  return true
}

const whole = 0x100000000

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
      Math.floor((whole * i) / options.shards),
      Math.floor((whole * (i + 1)) / options.shards) - 1
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

/** The shard in which a document lives. */
export const shardOf = (database: Database, id: string): Shard => {
  const colon = database.partitioned && !id.startsWith("_design/") ? id.indexOf(":") : -1
  const hash = crc32(colon < 0 ? id : id.slice(0, colon))
  const { shards } = database
  const guess = Math.min(Math.floor((hash / whole) * shards.length), shards.length - 1)
  return shards.find(({ range }) => range[0] <= hash && hash <= range[1]) ?? shards[guess] ?? emptyShard
}

const emptyShard: Shard = { range: [0, 0], seq: 0, log: [], live: 0, validatorsKnown: false }

const isLive = ({ tree }: DocumentRecord): boolean =>
  tree.leaves[0] !== undefined && tree.leaves[0].version?.deleted !== true

/** Puts a document's new state in place of the old one, as the next update of its shard. */
export const store = (database: Database, shard: Shard, id: string, tree: Tree<Version>): void => {
  const before = database.documents.get(id)
  const record: DocumentRecord = { id, tree, seq: ++shard.seq }
  database.documents.set(id, record)
  shard.log.push({ seq: record.seq, id })
  if (before === undefined) shard.live++
  index(database, id, before, record)
  if (shard.log.length > 64 && shard.log.length > 2 * shard.live) sweep(database, shard)
  database.journal?.({ _tag: "Stored", database, before, after: record })
  Watching.wake(database.watchers)
}

/** Takes a document away as if it had never been. */
export const forget = (database: Database, shard: Shard, id: string): void => {
  const before = database.documents.get(id)
  if (before === undefined) return
  database.documents.delete(id)
  shard.live--
  shard.seq++
  index(database, id, before, undefined)
  database.journal?.({ _tag: "Forgotten", database, shard, id })
  Watching.wake(database.watchers)
}

/** Puts a local document in the place of the one of its id, or takes it away. */
export const storeLocal = (database: Database, id: string, local: LocalDocument | undefined): void => {
  if (local === undefined) database.locals.delete(id)
  else database.locals.set(id, local)
  database.journal?.({ _tag: "Local", database, id, local })
}

/** Changes a setting, which is an update of every shard. */
export const configure = (
  database: Database,
  settings: Partial<Pick<Database, "security" | "revsLimit" | "purgedInfosLimit">>
): void => {
  Object.assign(database, settings)
  for (const shard of database.shards) shard.seq++
  database.journal?.({ _tag: "Settings", database })
  Watching.wake(database.watchers)
}

/** Counts a document of a purge, whether or not anything of it was there. */
export const countPurge = (database: Database): void => {
  database.purgeSeq++
  database.journal?.({ _tag: "PurgeCounted", database })
}

/** Drops what is stored of every revision that is not a leaf. */
export const compact = (database: Database): void => {
  for (const [id, record] of database.documents) {
    database.documents.set(id, { ...record, tree: RevisionTree.compact(record.tree) })
  }
  database.journal?.({ _tag: "Compacted", database })
}

const sweep = (database: Database, shard: Shard): void => {
  shard.log = shard.log.filter(({ id, seq }) => database.documents.get(id)?.seq === seq)
}

const index = (
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
