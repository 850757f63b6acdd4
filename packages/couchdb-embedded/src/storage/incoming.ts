import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import { print } from "../encoding/printJson.js"
import * as Utf8 from "../encoding/utf8.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, refuse } from "../http/refusal.js"
import type { IncomingAttachment } from "./attachments.js"
import * as Attachments from "./attachments.js"
import type { Rev } from "./revision.js"
import * as Revs from "./revision.js"

/** A document in a request. */
export interface Incoming {
  readonly id: string
  readonly generation: number
  /** The revision to extend or to write, and its ancestors. */
  readonly hashes: ReadonlyArray<string>
  readonly deleted: boolean
  readonly body: Json.JsonObject
  readonly attachments: ReadonlyArray<IncomingAttachment>
}

const maxDocumentSize = 8_000_000

/** Rejects ids that no database can store. */
export const checkId = (id: unknown): Checked<string> => {
  if (typeof id !== "string") return refuse(400, "illegal_docid", "Document id must be a string")
  if (id === "") return refuse(400, "illegal_docid", "Document id must not be empty")
  if (id === "_design/" || id === "_local/") return refuse(400, "illegal_docid", `Illegal document id \`${id}\``)
  if (id.startsWith("_") && !id.startsWith("_design/") && !id.startsWith("_local/")) {
    return refuse(400, "illegal_docid", "Only reserved document ids may start with underscore.")
  }
  return Either.right(id)
}

/** Rejects ids that this database cannot store. In a partitioned database, an id starts with its partition. */
export const checkPartition = (database: { readonly partitioned: boolean }, id: string): Checked<string> => {
  if (!database.partitioned || id.startsWith("_design/") || id.startsWith("_local/")) return Either.right(id)
  const colon = id.indexOf(":")
  if (colon < 0) return refuse(400, "illegal_docid", "Doc id must be of form partition:id")
  if (colon === 0) return refuse(400, "illegal_partition", "Partition must not be empty")
  return colon === id.length - 1
    ? refuse(400, "illegal_docid", "Document id must not be empty")
    : Either.right(id)
}

/**
 * Rejects ids without a partition. An empty id within a partition passes, because CouchDB checks that on writes only.
 */
export const checkReadPartition = (database: { readonly partitioned: boolean }, id: string): Checked<string> =>
  /^[^:]+:$/.test(id) || id.startsWith("_") ? Either.right(id) : checkPartition(database, id)

const ignoredMembers = new Set(["_revs_info", "_local_seq", "_conflicts", "_deleted_conflicts"])
const storedMembers = new Set([
  "_access",
  "_replication_state",
  "_replication_state_time",
  "_replication_state_reason",
  "_replication_id",
  "_replication_stats"
])

const revisionsOf = (value: Json.JsonObject): Checked<{ generation: number; hashes: ReadonlyArray<string> }> => {
  const start = Json.get(value, "start")
  const ids = Json.get(value, "ids")
  if (typeof start !== "number" || !Number.isInteger(start)) {
    return refuse(400, "doc_validation", "_revisions.start isn't an integer.")
  }
  if (!Json.isArray(ids)) return refuse(400, "doc_validation", "_revisions.ids isn't a array.")
  const hashes: Array<string> = []
  for (const id of ids) {
    if (typeof id !== "string") return refuse(400, "doc_validation", "RevId isn't a string")
    const hash = Revs.canonicalHash(id)
    if (hash === undefined) return refuse(400, "doc_validation", "RevId isn't a valid hexadecimal")
    hashes.push(hash)
  }
  return Either.right({ generation: start, hashes })
}

/** Parses a document. `textLength` is the length of the request, so that small documents need no measuring. */
export const fromJson = (value: Json.Json, textLength: number): Checked<Incoming> => {
  if (!Json.isObject(value)) return badRequest("Document must be a JSON object")
  let id = ""
  let rev: Rev | undefined
  let revisions: { generation: number; hashes: ReadonlyArray<string> } | undefined
  let isDeleted = false
  let attachments: ReadonlyArray<IncomingAttachment> = []
  let plain = true
  const body: Array<readonly [string, Json.Json]> = []
  for (const member of Json.entries(value)) {
    const [key, inner] = member
    if (!key.startsWith("_")) {
      body.push(member)
      continue
    }
    plain = false
    if (key === "_id") {
      const checked = checkId(inner)
      if (Either.isLeft(checked)) return Either.left(checked.left)
      id = checked.right
    } else if (key === "_rev") {
      if (revisions !== undefined && revisions.hashes.length > 0) continue
      const parsed = Revs.parse(inner)
      if (Either.isLeft(parsed)) return Either.left(parsed.left)
      rev = parsed.right
    } else if (key === "_revisions" && Json.isObject(inner)) {
      const parsed = revisionsOf(inner)
      if (Either.isLeft(parsed)) return Either.left(parsed.left)
      revisions = parsed.right
    } else if (key === "_attachments" && Json.isObject(inner)) {
      const parsed = Attachments.fromJson(inner)
      if (Either.isLeft(parsed)) return Either.left(parsed.left)
      attachments = parsed.right
    } else if (key === "_deleted" && typeof inner === "boolean") {
      isDeleted = inner
    } else if (storedMembers.has(key)) {
      body.push(member)
    } else if (!ignoredMembers.has(key)) {
      return refuse(400, "doc_validation", `Bad special document member: ${key}`)
    }
  }
  const content = plain ? value : Json.fromEntries(body)
  if (textLength > maxDocumentSize && Utf8.encode(print(content)).length > maxDocumentSize) {
    return refuse(413, "document_too_large", id)
  }
  return Either.right({
    id,
    generation: revisions?.generation ?? rev?.generation ?? 0,
    hashes: revisions?.hashes ?? (rev === undefined ? [] : [rev.hash]),
    deleted: isDeleted,
    body: content,
    attachments
  })
}

/** Rejects reserved attachment names. */
export const checkAttachmentNames = (document: Incoming): Checked<Incoming> => {
  const wrong = document.attachments.find(({ name }) => name.startsWith("_"))
  return wrong === undefined ? Either.right(document) : Either.map(Attachments.checkName(wrong.name), () => document)
}
