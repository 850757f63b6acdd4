import { md5 } from "@noble/hashes/legacy"
import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import { print, printMembers } from "./print.js"
import type { Checked } from "./refusal.js"
import { badRequest, invalidJson, notImplemented, refuse } from "./refusal.js"
import type { Rev } from "./revs.js"
import * as Revs from "./revs.js"
import type { Attachment, Version } from "./state.js"
import * as Utf8 from "./utf8.js"

/** An attachment as a request brings it: its bytes, or a stub for what the parent holds. */
export type IncomingAttachment =
  | { readonly _tag: "Stub"; readonly name: string; readonly revpos: number | undefined }
  | {
    readonly _tag: "Data"
    readonly name: string
    readonly contentType: string
    readonly data: Uint8Array
    readonly revpos: number
  }
  | { readonly _tag: "Stored"; readonly name: string; readonly attachment: Attachment }

/** A document as a request brings it. */
export interface Incoming {
  readonly id: string
  readonly generation: number
  /** The revision that is extended, or written, and its ancestors. */
  readonly hashes: ReadonlyArray<string>
  readonly deleted: boolean
  readonly body: Json.JsonObject
  readonly attachments: ReadonlyArray<IncomingAttachment>
}

const maxDocumentSize = 8_000_000

/** Refuses ids that cannot be stored. */
export const checkId = (id: unknown): Checked<string> => {
  if (typeof id !== "string") return refuse(400, "illegal_docid", "Document id must be a string")
  if (id === "") return refuse(400, "illegal_docid", "Document id must not be empty")
  if (id === "_design/" || id === "_local/") return refuse(400, "illegal_docid", `Illegal document id \`${id}\``)
  if (id.startsWith("_") && !id.startsWith("_design/") && !id.startsWith("_local/")) {
    return refuse(400, "illegal_docid", "Only reserved document ids may start with underscore.")
  }
  return Either.right(id)
}

/** Refuses ids that this database cannot hold: where it is partitioned, an id begins with its partition. */
export const checkPartition = (database: { readonly partitioned: boolean }, id: string): Checked<string> => {
  if (!database.partitioned || id.startsWith("_design/") || id.startsWith("_local/")) return Either.right(id)
  const colon = id.indexOf(":")
  if (colon < 0) return refuse(400, "illegal_docid", "Doc id must be of form partition:id")
  if (colon === 0) return refuse(400, "illegal_partition", "Partition must not be empty")
  return colon === id.length - 1
    ? refuse(400, "illegal_docid", "Document id must not be empty")
    : Either.right(id)
}

const ignored = new Set(["_revs_info", "_local_seq", "_conflicts", "_deleted_conflicts"])
const kept = new Set([
  "_access",
  "_replication_state",
  "_replication_state_time",
  "_replication_state_reason",
  "_replication_id",
  "_replication_stats"
])

const compressible = /^(?:text\/|application\/(?:javascript|json|xml)\b)/i

const attachmentOf = (name: string, stub: Json.JsonObject): Checked<IncomingAttachment> => {
  const revpos = Json.get(stub, "revpos")
  if (Json.get(stub, "stub") === true) {
    return Either.right({ _tag: "Stub", name, revpos: typeof revpos === "number" ? revpos : undefined })
  }
  if (Json.get(stub, "follows") === true) return notImplemented("multipart uploads of attachments")
  const data = Json.get(stub, "data")
  const bytes = typeof data === "string"
    ? Encoding.decodeBase64(data.replace(/[ \t\r\n]/g, ""))
    : Either.left(undefined)
  if (Either.isLeft(bytes)) return badRequest(`Invalid attachment data for ${name}`)
  const type = Json.get(stub, "content_type")
  const contentType = typeof type === "string" ? type : "application/octet-stream"
  return compressible.test(contentType)
    ? notImplemented(`attachments that CouchDB stores compressed (${contentType})`)
    : Either.right({
      _tag: "Data",
      name,
      contentType,
      data: bytes.right,
      revpos: typeof revpos === "number" ? revpos : 0
    })
}

const attachmentsOf = (value: Json.JsonObject): Checked<ReadonlyArray<IncomingAttachment>> =>
  Either.all(Json.entries(value).flatMap(([name, stub]) => Json.isObject(stub) ? [attachmentOf(name, stub)] : []))

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

/** Takes a document apart. `textLength` is that of the request, so that small ones need no measuring. */
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
      const parsed = attachmentsOf(inner)
      if (Either.isLeft(parsed)) return Either.left(parsed.left)
      attachments = parsed.right
    } else if (key === "_deleted" && typeof inner === "boolean") {
      isDeleted = inner
    } else if (kept.has(key)) {
      body.push(member)
    } else if (!ignored.has(key)) {
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

/** Refuses names of attachments that CouchDB reserves. */
export const checkAttachmentNames = (document: Incoming): Checked<Incoming> => {
  const wrong = document.attachments.find(({ name }) => name.startsWith("_"))
  return wrong === undefined
    ? Either.right(document)
    : badRequest(`Attachment name '${wrong.name}' starts with prohibited character '_'`)
}

/**
 * The attachments to store: what is new, and what the parent holds for the stubs. New ones belong to the revision
 * `revpos`, unless replication says where they belong.
 */
export const resolveAttachments = (
  id: string,
  incoming: ReadonlyArray<IncomingAttachment>,
  parent: Version | undefined,
  revpos: number | undefined
): Checked<ReadonlyArray<Attachment>> => {
  const attachments: Array<Attachment> = []
  for (const attachment of incoming) {
    if (attachment._tag === "Stored") attachments.push(attachment.attachment)
    else if (attachment._tag === "Data") {
      const { contentType, data, name } = attachment
      const digest = `md5-${Encoding.encodeBase64(md5(data))}`
      attachments.push({ name, contentType, revpos: revpos ?? attachment.revpos, digest, length: data.length, data })
    } else {
      const held = parent?.attachments.find(({ name }) => name === attachment.name)
      if (held === undefined || (attachment.revpos !== undefined && attachment.revpos !== held.revpos)) {
        return refuse(412, "missing_stub", `Invalid attachment stub in ${id} for ${attachment.name}`)
      }
      attachments.push(held)
    }
  }
  return Either.right(attachments)
}

const printStub = (attachment: Attachment, withData: boolean): string =>
  printMembers([
    ["content_type", attachment.contentType],
    ["revpos", attachment.revpos],
    ["digest", attachment.digest],
    ...(withData
      ? [["data", Encoding.encodeBase64(attachment.data)] as const]
      : [["length", attachment.length] as const, ["stub", true] as const])
  ])

const printAttachments = (attachments: ReadonlyArray<Attachment>, withData: boolean): string =>
  attachments.map((attachment) => `${print(attachment.name)}:{${printStub(attachment, withData)}}`).join(",")

/** What a read shows of a document besides its body. `members` are printed already. */
export interface Shown {
  readonly id: string
  readonly rev: Rev | undefined
  readonly version: Version
  readonly members: ReadonlyArray<string>
  readonly attachmentData: boolean
}

/** A document as CouchDB prints it. */
export const printDocument = ({ attachmentData, id, members, rev, version }: Shown): string => {
  const printed = version.printed ??= printMembers(Json.entries(version.body))
  let text = `{"_id":${print(id)}`
  if (rev !== undefined) text += `,"_rev":${print(Revs.format(rev))}`
  if (printed !== "") text += `,${printed}`
  if (version.deleted) text += `,"_deleted":true`
  for (const member of members) text += `,${member}`
  if (version.attachments.length > 0) {
    text += `,"_attachments":{${printAttachments(version.attachments, attachmentData)}}`
  }
  return `${text}}`
}

const maxDepth = 2_000

/** How deep the text nests, brackets inside of strings aside. */
const tooDeep = (text: string): boolean => {
  let depth = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === 34) quoted = !quoted
    else if (quoted) {
      if (unit === 92) i++
    } else if (unit === 123 || unit === 91) {
      if (++depth > maxDepth) return true
    } else if (unit === 125 || unit === 93) depth--
  }
  return false
}

/** Reads JSON as CouchDB does. */
export const parseJson = (text: string | undefined): Checked<Json.Json> => {
  if (text === undefined) return Either.left(invalidJson)
  if (text.length > 2 * maxDepth && tooDeep(text)) {
    return badRequest(`The embedded CouchDB takes JSON that nests at most ${maxDepth} levels deep.`)
  }
  try {
    return Either.mapLeft(Json.parse(text), () => invalidJson)
  } catch {
    // A text beyond all limits, on which the parser runs out of stack.
    return refuse(413, "document_too_large", "")
  }
}
