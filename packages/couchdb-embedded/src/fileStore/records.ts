import * as Json from "effect-couchdb/Json"
import * as Utf8 from "../encoding/utf8.js"
import type { Rev } from "../storage/revision.js"
import type { Tree } from "../storage/revisionTree.js"
import * as RevisionTree from "../storage/revisionTree.js"
import type { Attachment, Change, Database, DocumentRecord, Update, Version } from "../storage/state.js"
import { shardOf } from "../storage/state.js"
import type { Identity } from "../storage/store.js"
import * as TreeChange from "./treeChange.js"

/** A record of the log is JSON. The bytes of an attachment are a record of their own, before the one that refers to them. */
export const kinds = { json: 1, bytes: 2 } as const

const headLength = 5

const framed = (kind: number, bytes: Uint8Array): Uint8Array => {
  const record = new Uint8Array(headLength + bytes.length)
  record[0] = kind
  new DataView(record.buffer).setUint32(1, bytes.length)
  record.set(bytes, headLength)
  return record
}

const json = (value: Json.Json): Uint8Array => framed(kinds.json, Utf8.encode(Json.stringify(value)))

/** Splits a frame into its records. Ends with `undefined` if the last one is incomplete. */
export const split = function*(
  payload: Uint8Array
): Generator<{ readonly kind: number; readonly bytes: Uint8Array } | undefined> {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  for (let at = 0; at < payload.length;) {
    const end = at + headLength <= payload.length ? at + headLength + view.getUint32(at + 1) : Infinity
    if (end > payload.length) {
      yield undefined
      return
    }
    yield { kind: payload[at] ?? 0, bytes: payload.subarray(at + headLength, end) }
    at = end
  }
}

/** Encodes the records of one log. The bytes of an attachment are written once, however many revisions have it. */
export interface RecordEncoder {
  readonly identity: (identity: Identity) => ReadonlyArray<Uint8Array>
  readonly lives: (count: number) => ReadonlyArray<Uint8Array>
  readonly change: (change: Change) => ReadonlyArray<Uint8Array>
  readonly updates: (seq: number, log: Iterable<Update>) => ReadonlyArray<Uint8Array>
  readonly closed: ReadonlyArray<Uint8Array>
}

const revs = (list: ReadonlyArray<Rev>): Json.Json => list.map(({ generation, hash }) => [generation, hash])

/** Numbers the bytes of attachments in the order in which the log has them. */
interface AttachmentNumbers {
  readonly numbers: WeakMap<Uint8Array, number>
  count: number
}

const attachmentFields = (
  known: AttachmentNumbers,
  out: Array<Uint8Array>,
  { contentType, data, digest, encoding, length, name, revpos }: Attachment
): Json.Json => {
  let number = known.numbers.get(data)
  if (number === undefined) {
    number = known.count++
    known.numbers.set(data, number)
    out.push(framed(kinds.bytes, data))
  }
  return [name, contentType, revpos, digest, length, encoding, number]
}

const storedRecords = (
  known: AttachmentNumbers,
  database: Database,
  before: Tree<Version>,
  { id, seq, tree }: DocumentRecord
): ReadonlyArray<Uint8Array> => {
  const out: Array<Uint8Array> = []
  const { drops, leavesAdded, leavesRemoved, puts } = TreeChange.diff(before, tree)
  const versionFields = ({ attachments, body, deleted }: Version): Json.Json => [
    deleted,
    body,
    attachments.map((attachment) => attachmentFields(known, out, attachment))
  ]
  const nodes = puts.map(({ node, sameVersion }): Json.Json => [
    node.generation,
    node.hash,
    node.parent ?? null,
    sameVersion ? true : node.version === undefined ? false : versionFields(node.version)
  ])
  out.push(json(["stored", database.instance, id, seq, nodes, revs(drops), revs(leavesAdded), revs(leavesRemoved)]))
  return out
}

const changeRecords = (known: AttachmentNumbers, change: Change): ReadonlyArray<Uint8Array> => {
  const { database } = change
  const { instance } = database
  switch (change._tag) {
    case "Created": {
      const { created, name, partitioned, replicas, shards } = database
      return [json(["created", instance, name, created, replicas, partitioned, shards.length])]
    }
    case "Dropped":
      return [json(["dropped", instance])]
    case "Stored":
      return storedRecords(known, database, change.before?.tree ?? RevisionTree.empty, change.after)
    case "Forgotten":
      return [json(["forgotten", instance, change.id, change.shard.seq])]
    case "Local": {
      const { id, local } = change
      return [json(["local", instance, id, local === undefined ? null : [local.rev, local.body]])]
    }
    case "Settings": {
      const { purgedInfosLimit, revsLimit, security, shards } = database
      return [json(["settings", instance, security, revsLimit, purgedInfosLimit, shards.map(({ seq }) => seq)])]
    }
    case "PurgeCounted":
      return [json(["purged", instance, database.purgeSeq])]
    case "Compacted":
      return [json(["compacted", instance])]
  }
}

/** An encoder for a log that already has the bytes of these attachments, in this order. */
export const makeEncoder = (attachments: Iterable<Uint8Array>): RecordEncoder => {
  const known: AttachmentNumbers = { numbers: new WeakMap(), count: 0 }
  for (const data of attachments) known.numbers.set(data, known.count++)
  return {
    change: (change) => changeRecords(known, change),
    closed: [json(["closed"])],
    identity: ({ adminSalt, secret, uuid }) => [json(["identity", uuid, adminSalt, secret])],
    lives: (count) => [json(["lives", count])],
    updates: (seq, log) => [
      json(["updates", seq, Array.from(log, ({ database, seq, type }) => [database, type, seq])])
    ]
  }
}

/** The documents of a database, by shard and sequence. */
const inSequence = function*(database: Database): Generator<DocumentRecord> {
  const records = Array.from(database.documents.values(), (record) => ({
    record,
    shard: database.shards.indexOf(shardOf(database, record.id))
  }))
  records.sort((a, b) => a.shard - b.shard || a.record.seq - b.record.seq)
  for (const { record } of records) yield record
}

/** The records that restore the current state. */
export const snapshot = function*(
  { change, identity, lives, updates }: RecordEncoder,
  held: {
    readonly identity: Identity | undefined
    readonly lives: number
    readonly databases: ReadonlyMap<string, Database>
    readonly updates: { readonly seq: number; readonly log: ReadonlyMap<string, Update> }
  }
): Generator<ReadonlyArray<Uint8Array>> {
  if (held.identity !== undefined) yield identity(held.identity)
  yield lives(held.lives)
  for (const database of held.databases.values()) {
    yield change({ _tag: "Created", database })
    for (const after of inSequence(database)) yield change({ _tag: "Stored", database, before: undefined, after })
    for (const [id, local] of database.locals) yield change({ _tag: "Local", database, id, local })
    yield change({ _tag: "PurgeCounted", database })
    yield change({ _tag: "Settings", database })
  }
  yield updates(held.updates.seq, held.updates.log.values())
}
