import * as Json from "effect-couchdb/Json"
import * as Utf8 from "../encoding/utf8.js"
import type { Identity } from "../storage/keeper.js"
import type { Rev } from "../storage/revision.js"
import type { Tree } from "../storage/revisionTree.js"
import * as RevisionTree from "../storage/revisionTree.js"
import type { Attachment, Change, Database, DocumentRecord, Update, Version } from "../storage/state.js"
import { shardOf } from "../storage/state.js"
import * as TreeChange from "./treeChange.js"

/** A record of the log is JSON, but for the bytes of attachments, which stand before the record that names them. */
export const kinds = { json: 1, bytes: 2 } as const

const head = 5

const framed = (kind: number, bytes: Uint8Array): Uint8Array => {
  const record = new Uint8Array(head + bytes.length)
  record[0] = kind
  new DataView(record.buffer).setUint32(1, bytes.length)
  record.set(bytes, head)
  return record
}

const json = (value: Json.Json): Uint8Array => framed(kinds.json, Utf8.encode(Json.stringify(value)))

/** Takes the records of a frame apart; `undefined` stands for what is none. */
export const split = function*(
  payload: Uint8Array
): Generator<{ readonly kind: number; readonly bytes: Uint8Array } | undefined> {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  for (let at = 0; at < payload.length;) {
    const end = at + head <= payload.length ? at + head + view.getUint32(at + 1) : Infinity
    if (end > payload.length) {
      yield undefined
      return
    }
    yield { kind: payload[at] ?? 0, bytes: payload.subarray(at + head, end) }
    at = end
  }
}

/** Writes records of one log, in which the bytes of an attachment stand once, however many revisions have it. */
export interface Writer {
  readonly identity: (identity: Identity) => ReadonlyArray<Uint8Array>
  readonly lives: (count: number) => ReadonlyArray<Uint8Array>
  readonly change: (change: Change) => ReadonlyArray<Uint8Array>
  readonly updates: (seq: number, log: Iterable<Update>) => ReadonlyArray<Uint8Array>
  readonly closed: ReadonlyArray<Uint8Array>
}

const revs = (list: ReadonlyArray<Rev>): Json.Json => list.map(({ generation, hash }) => [generation, hash])

/** A writer of a log in which so many attachments stand already, these under their numbers. */
export const writer = (known: Iterable<Uint8Array>): Writer => {
  const numbers = new WeakMap<Uint8Array, number>()
  let count = 0
  for (const data of known) numbers.set(data, count++)

  const attachment = (out: Array<Uint8Array>, { data, ...rest }: Attachment): Json.Json => {
    let number = numbers.get(data)
    if (number === undefined) {
      number = count++
      numbers.set(data, number)
      out.push(framed(kinds.bytes, data))
    }
    const { contentType, digest, encoding, length, name, revpos } = rest
    return [name, contentType, revpos, digest, length, encoding, number]
  }

  const version = (out: Array<Uint8Array>, { attachments, body, deleted }: Version): Json.Json => [
    deleted,
    body,
    attachments.map((each) => attachment(out, each))
  ]

  const stored = (
    database: Database,
    before: Tree<Version>,
    { id, seq, tree }: DocumentRecord
  ): ReadonlyArray<Uint8Array> => {
    const out: Array<Uint8Array> = []
    const { drops, leavesAdded, leavesRemoved, puts } = TreeChange.between(before, tree)
    const nodes = puts.map(({ held, node }): Json.Json => [
      node.generation,
      node.hash,
      node.parent ?? null,
      held ? true : node.version === undefined ? false : version(out, node.version)
    ])
    out.push(json(["stored", database.instance, id, seq, nodes, revs(drops), revs(leavesAdded), revs(leavesRemoved)]))
    return out
  }

  const change = (change: Change): ReadonlyArray<Uint8Array> => {
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
        return stored(database, change.before?.tree ?? RevisionTree.empty, change.after)
      case "Forgotten":
        return [json(["forgotten", instance, change.id, change.shard.seq])]
      case "Local":
        return [json([
          "local",
          instance,
          change.id,
          change.local === undefined ? null : [change.local.rev, change.local.body]
        ])]
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

  return {
    change,
    closed: [json(["closed"])],
    identity: ({ adminSalt, secret, uuid }) => [json(["identity", uuid, adminSalt, secret])],
    lives: (count) => [json(["lives", count])],
    updates: (seq, log) => [
      json(["updates", seq, Array.from(log, ({ database, seq, type }) => [database, type, seq])])
    ]
  }
}

/** The documents of a database, in the order in which its shards wrote them. */
const inOrder = function*(database: Database): Generator<DocumentRecord> {
  const records = Array.from(database.documents.values(), (record) => ({
    record,
    shard: database.shards.indexOf(shardOf(database, record.id))
  }))
  records.sort((a, b) => a.shard - b.shard || a.record.seq - b.record.seq)
  for (const { record } of records) yield record
}

/** All that leads from nothing to what there is. */
export const everything = function*(
  { change, identity, lives, updates }: Writer,
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
    for (const after of inOrder(database)) yield change({ _tag: "Stored", database, before: undefined, after })
    for (const [id, local] of database.locals) yield change({ _tag: "Local", database, id, local })
    yield change({ _tag: "PurgeCounted", database })
    yield change({ _tag: "Settings", database })
  }
  yield updates(held.updates.seq, held.updates.log.values())
}
