import { md5 } from "@noble/hashes/legacy"
import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import { gzip } from "pako"
import { print, printMembers } from "../encoding/printJson.js"
import { inflate } from "../http/gunzip.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, internalError, refuse } from "../http/refusal.js"
import type { Attachment, Version } from "./state.js"

/** An attachment in a request. */
export type IncomingAttachment =
  /** Refers to the attachment of the parent revision. */
  | { readonly _tag: "Stub"; readonly name: string; readonly revpos: number | undefined }
  /** Contains the bytes. */
  | ({ readonly _tag: "Data"; readonly data: Uint8Array } & Described)
  /** Announces bytes that follow in another part of the body. */
  | ({ readonly _tag: "Follows"; readonly bytes: number | undefined } & Described)
  /** Refers to an attachment that another revision stores. */
  | { readonly _tag: "Stored"; readonly name: string; readonly attachment: Attachment }

/** The metadata of an attachment in a request. */
export interface Described {
  readonly name: string
  readonly contentType: string
  readonly revpos: number
  /** The encoding of the bytes as sent. */
  readonly encoding: "identity" | "gzip"
  /** The length before encoding, if known. */
  readonly length: number | undefined
  /** The digest that the bytes must have. */
  readonly digest: string | undefined
}

export const defaultType = "application/octet-stream"

const compressible = /^\s*(?:text\/.*|application\/(?:javascript|json|xml))(?:\s*;.*?)?\s*$/i

const digestOf = (bytes: Uint8Array): string => `md5-${Encoding.encodeBase64(md5(bytes))}`

const functionClause = internalError("function_clause")

const parseInline = (
  name: string,
  contentType: string,
  revpos: number,
  stub: Json.JsonObject
): Checked<IncomingAttachment> => {
  const data = Json.get(stub, "data")
  const bytes = typeof data === "string"
    ? Encoding.decodeBase64(data.replace(/[ \t\r\n]/g, ""))
    : Either.left(undefined)
  return Either.isLeft(bytes)
    ? badRequest(`Invalid attachment data for ${name}`)
    : Either.right({
      _tag: "Data",
      name,
      contentType,
      revpos,
      data: bytes.right,
      encoding: "identity",
      length: bytes.right.length,
      digest: undefined
    })
}

const parseFollows = (
  name: string,
  contentType: string,
  revpos: number,
  stub: Json.JsonObject
): Checked<IncomingAttachment> => {
  const length = Json.get(stub, "length")
  const encoding = Json.get(stub, "encoding")
  const encoded = Json.get(stub, "encoded_length")
  const digest = Json.get(stub, "digest")
  if (encoding !== undefined && encoding !== "gzip" && encoding !== "identity") return functionClause
  const bytes = encoding === undefined ? length : encoded ?? length
  return Either.right({
    _tag: "Follows",
    name,
    contentType,
    revpos,
    bytes: typeof bytes === "number" ? bytes : undefined,
    encoding: encoding ?? "identity",
    length: typeof length === "number" ? length : undefined,
    digest: typeof digest === "string" && digest.startsWith("md5-") ? digest : undefined
  })
}

const parseOne = (name: string, stub: Json.JsonObject): Checked<IncomingAttachment> => {
  const revpos = Json.get(stub, "revpos")
  if (Json.get(stub, "stub") === true) {
    return Either.right({ _tag: "Stub", name, revpos: typeof revpos === "number" ? revpos : undefined })
  }
  const contentType = Json.get(stub, "content_type") ?? defaultType
  if (typeof contentType !== "string") return functionClause
  const read = Json.get(stub, "follows") === true ? parseFollows : parseInline
  return read(name, contentType, typeof revpos === "number" ? revpos : 0, stub)
}

/** Parses the member `_attachments` of a document. CouchDB ignores entries that are not objects. */
export const fromJson = (value: Json.JsonObject): Checked<ReadonlyArray<IncomingAttachment>> =>
  Either.all(Json.entries(value).flatMap(([name, stub]) => Json.isObject(stub) ? [parseOne(name, stub)] : []))

/** Rejects reserved attachment names. */
export const checkName = (name: string): Checked<string> =>
  name.startsWith("_")
    ? badRequest(`Attachment name '${name}' starts with prohibited character '_'`)
    : Either.right(name)

/** Stores bytes as CouchDB does: it compresses compressible types, and the digest is that of the stored bytes. */
const store = (described: Described, data: Uint8Array, revpos: number): Checked<Attachment> => {
  const { contentType, name } = described
  const compress = described.encoding === "identity" && compressible.test(contentType)
  const stored = compress ? compressed(data) : data
  // The given digest is that of the bytes as sent, before compression.
  if (described.digest !== undefined && described.digest !== digestOf(data)) return functionClause
  return Either.right({
    name,
    contentType,
    revpos,
    digest: digestOf(stored),
    encoding: compress ? "gzip" : described.encoding,
    length: described.encoding === "identity" ? data.length : described.length ?? data.length,
    data: stored
  })
}

// CouchDB uses the hash table of zlib. Another table finds other matches, and gives another digest.
const compressed = (data: Uint8Array): Uint8Array => gzip(data, { level: 8, legacyHash: true })

// CouchDB's default maximum size of an attachment.
const maxAttachmentSize = 2 ** 30

/** The decompressed bytes. `undefined` if they are not valid gzip, or too large. */
export const decompressed = ({ data, encoding }: Attachment): Uint8Array | undefined =>
  encoding === "identity" ? data : Either.getOrUndefined(inflate(data, maxAttachmentSize))

/**
 * The attachments of a new revision: the new ones, and those of the parent that stubs refer to. New ones get the given
 * `revpos`, or keep their own if replication wrote them.
 */
export const resolve = (
  id: string,
  incoming: ReadonlyArray<IncomingAttachment>,
  parent: Version | undefined,
  revpos: number | undefined
): Checked<ReadonlyArray<Attachment>> => {
  const attachments: Array<Attachment> = []
  for (const attachment of incoming) {
    if (attachment._tag === "Follows") return functionClause
    if (attachment._tag === "Stored") attachments.push(attachment.attachment)
    else if (attachment._tag === "Data") {
      const stored = store(attachment, attachment.data, revpos ?? attachment.revpos)
      if (Either.isLeft(stored)) return Either.left(stored.left)
      attachments.push(stored.right)
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

/**
 * How a response shows attachments.
 *
 * - `data`: as stubs, with their bytes inline, or with their bytes in following parts
 * - `since`: attachments of this or an earlier generation are stubs. Replication may write attachments of generation
 *   0
 * - `encoding`: whether to include the encoding
 */
export interface View {
  readonly data: "stubs" | "inline" | "follows"
  readonly since: number
  readonly encoding: boolean
}

export const stubs: View = { data: "stubs", since: -1, encoding: false }

/** Whether the view includes the bytes of this attachment. */
export const includesBytes = (view: View, { revpos }: Attachment): boolean =>
  view.data !== "stubs" && revpos > view.since

const printOne = (attachment: Attachment, view: View): string => {
  const given = includesBytes(view, attachment)
  return printMembers([
    ["content_type", attachment.contentType],
    ["revpos", attachment.revpos],
    ["digest", attachment.digest],
    ...(given && view.data === "inline"
      ? [["data", Encoding.encodeBase64(decompressed(attachment) ?? attachment.data)] as const]
      : [["length", attachment.length] as const, [given ? "follows" : "stub", true] as const]),
    ...(view.encoding && attachment.encoding === "gzip"
      ? [["encoding", "gzip"] as const, ["encoded_length", attachment.data.length] as const]
      : [])
  ])
}

/** Prints the members of `_attachments`, without braces. */
export const printAll = (attachments: ReadonlyArray<Attachment>, view: View): string =>
  attachments.map((attachment) => `${print(attachment.name)}:{${printOne(attachment, view)}}`).join(",")
