import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Utf8 from "../encoding/utf8.js"
import type { Rev } from "../storage/revision.js"
import * as RevisionTree from "../storage/revisionTree.js"
import type { Attachment, Database, Holdings, Update, Version } from "../storage/state.js"
import * as State from "../storage/state.js"
import type { Identity } from "../storage/store.js"
import * as Watchers from "../storage/watchers.js"
import { kinds, split } from "./records.js"
import type { Put } from "./treeChange.js"
import * as TreeChange from "./treeChange.js"

/** A complete record with invalid content. */
class InvalidRecord extends Error {}

type Value = Json.Json | undefined

const fail = (problem: string): never => {
  throw new InvalidRecord(problem)
}
const text = (value: Value): string => typeof value === "string" ? value : fail("a string is missing")
const count = (value: Value): number => typeof value === "number" ? value : fail("a number is missing")
const list = (value: Value): ReadonlyArray<Json.Json> => Json.isArray(value) ? value : fail("a list is missing")
const object = (value: Value): Json.JsonObject =>
  value !== undefined && Json.isObject(value) ? value : fail("an object is missing")

const rev = (value: Json.Json): Rev => {
  const [generation, hash] = list(value)
  return { generation: count(generation), hash: text(hash) }
}

const typeOf = (value: Value): Update["type"] =>
  value === "created" || value === "updated" || value === "deleted" ? value : fail("unknown event")

/** The state after the records so far. */
export interface Restored {
  identity: Identity | undefined
  lives: number
  readonly holdings: Holdings
  readonly instances: Map<string, Database>
  /** The bytes of attachments, in the order of the log. */
  readonly blobs: Array<Uint8Array>
}

export const empty = (): Restored => ({
  identity: undefined,
  lives: 0,
  holdings: { databases: new Map(), updates: { log: new Map(), watchers: Watchers.make(), seq: 0 } },
  instances: new Map(),
  blobs: []
})

const attachmentOf = (restored: Restored, value: Json.Json): Attachment => {
  const [name, contentType, revpos, digest, length, encoding, number] = list(value)
  return {
    name: text(name),
    contentType: text(contentType),
    revpos: count(revpos),
    digest: text(digest),
    length: count(length),
    encoding: encoding === "gzip" ? "gzip" : "identity",
    data: restored.blobs[count(number)] ?? fail("an attachment is missing")
  }
}

const versionOf = (restored: Restored, value: Json.Json): Version => {
  const [deleted, body, attachments] = list(value)
  return {
    deleted: deleted === true,
    body: object(body),
    attachments: list(attachments).map((each) => attachmentOf(restored, each))
  }
}

const putOf = (restored: Restored, value: Json.Json): Put => {
  const [generation, hash, parent, version] = list(value)
  return {
    sameVersion: version === true,
    node: {
      generation: count(generation),
      hash: text(hash),
      parent: parent === null ? undefined : text(parent),
      version: version === undefined || typeof version === "boolean" ? undefined : versionOf(restored, version)
    }
  }
}

type Apply = (restored: Restored, fields: ReadonlyArray<Json.Json>) => void

const databaseOf = ({ instances }: Restored, value: Value): Database =>
  instances.get(text(value)) ?? fail("a database is missing")

const apply: Readonly<Record<string, Apply>> = {
  identity: (restored, [uuid, adminSalt, secret]) => {
    restored.identity = { uuid: text(uuid), adminSalt: text(adminSalt), secret: text(secret) }
  },
  lives: (restored, [lives]) => {
    restored.lives = count(lives)
  },
  created: ({ holdings, instances }, [instance, name, created, replicas, partitioned, shards]) => {
    const database = State.makeDatabase({
      name: text(name),
      instance: text(instance),
      created: count(created),
      replicas: count(replicas),
      partitioned: partitioned === true,
      shards: count(shards)
    })
    instances.set(database.instance, database)
    State.addDatabase(holdings, database)
  },
  dropped: (restored, [instance]) => {
    const database = databaseOf(restored, instance)
    restored.instances.delete(database.instance)
    State.dropDatabase(restored.holdings, database.name)
  },
  stored: (restored, [instance, id, seq, puts, drops, added, removed]) => {
    const database = databaseOf(restored, instance)
    const before = database.documents.get(text(id))?.tree ?? RevisionTree.empty
    const shard = State.shardOf(database, text(id))
    shard.seq = count(seq) - 1
    State.store(
      database,
      shard,
      text(id),
      TreeChange.apply(before, {
        puts: list(puts).map((put) => putOf(restored, put)),
        drops: list(drops).map(rev),
        leavesAdded: list(added).map(rev),
        leavesRemoved: list(removed).map(rev)
      })
    )
  },
  forgotten: (restored, [instance, id, seq]) => {
    const database = databaseOf(restored, instance)
    const shard = State.shardOf(database, text(id))
    shard.seq = count(seq) - 1
    State.removeDocument(database, shard, text(id))
  },
  local: (restored, [instance, id, local]) => {
    const [rev, body] = local === null ? [] : list(local)
    State.storeLocal(
      databaseOf(restored, instance),
      text(id),
      local === null ? undefined : { id: text(id), rev: text(rev), body: object(body) }
    )
  },
  settings: (restored, [instance, security, revsLimit, purgedInfosLimit, seqs]) => {
    const database = databaseOf(restored, instance)
    State.configure(database, {
      security: object(security),
      revsLimit: count(revsLimit),
      purgedInfosLimit: count(purgedInfosLimit)
    })
    database.shards.forEach((shard, i) => shard.seq = count(list(seqs)[i]))
  },
  purged: (restored, [instance, purgeSeq]) => {
    databaseOf(restored, instance).purgeSeq = count(purgeSeq)
  },
  compacted: (restored, [instance]) => State.compact(databaseOf(restored, instance)),
  updates: ({ holdings: { updates } }, [seq, log]) => {
    updates.log.clear()
    updates.seq = count(seq)
    for (const each of list(log)) {
      const [name, type, seq] = list(each)
      const update: Update = { database: text(name), type: typeOf(type), seq: count(seq) }
      updates.log.set(`${update.type}:${update.database}`, update)
    }
  },
  // Marks a clean shutdown, after which all data were durable.
  closed: () => {}
}

/** Applies the records of a frame. Throws if they are invalid. */
export const replay = (restored: Restored, payload: Uint8Array): void => {
  for (const record of split(payload)) {
    if (record === undefined) return fail("a record is incomplete")
    if (record.kind === kinds.bytes) {
      // A copy, because a slice would keep the whole frame in memory.
      restored.blobs.push(record.bytes.slice())
      continue
    }
    const parsed = Json.parse(Utf8.decode(record.bytes) ?? fail("a string is not UTF-8"))
    const [name, ...fields] = list(Either.getOrElse(parsed, () => null))
    const step = typeof name === "string" && Object.hasOwn(apply, name) ? apply[name] : undefined
    if (step === undefined) return fail("unknown record")
    step(restored, fields)
  }
}
