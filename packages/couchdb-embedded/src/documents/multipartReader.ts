import * as Either from "effect/Either"
import { concat } from "../encoding/bytes.js"
import * as Utf8 from "../encoding/utf8.js"
import { parseJson } from "../http/parseJson.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, internalError, refuse } from "../http/refusal.js"
import type { IncomingAttachment } from "../storage/attachments.js"
import type { Incoming } from "../storage/incoming.js"
import { fromJson } from "../storage/incoming.js"

interface Part {
  readonly headers: string
  readonly body: Uint8Array
}

const find = (bytes: Uint8Array, wanted: Uint8Array, from: number): number => {
  const first = wanted[0] ?? 0
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    let i = 1
    while (i < wanted.length && bytes[at + i] === wanted[i]) i++
    if (i === wanted.length) return at
  }
  return -1
}

const blankLine = Utf8.encode("\r\n\r\n")

interface Parts {
  readonly parts: ReadonlyArray<Part>
  /** Whether the closing boundary was found. */
  readonly ended: boolean
}

/**
 * The parts between the boundaries. The reader of `effect-couchdb` is stricter, because it must notice a response that
 * was cut off. CouchDB also accepts text in front of the first boundary, an empty part without a line of its own, and a
 * body without its last boundary.
 */
const split = (bytes: Uint8Array, boundary: string): Parts => {
  const delimiter = Utf8.encode(`\r\n--${boundary}`)
  const opening = delimiter.subarray(2)
  const parts: Array<Part> = []
  let at = find(bytes, opening, 0)
  if (at < 0) return { parts, ended: false }
  at += opening.length
  while (bytes[at] !== 0x2d || bytes[at + 1] !== 0x2d) {
    const head = find(bytes, blankLine, at)
    if (head < 0) return { parts, ended: false }
    const start = head + blankLine.length
    const next = find(bytes, delimiter, head + 2)
    const end = next < 0 ? bytes.length : next
    parts.push({
      headers: Utf8.decode(bytes.subarray(at, head)) ?? "",
      body: bytes.subarray(Math.min(start, end), end)
    })
    if (next < 0) return { parts, ended: false }
    at = next + delimiter.length
  }
  return { parts, ended: true }
}

const boundaryOf = (contentType: string): string | undefined => {
  const found = /;\s*boundary=(?:"([^"]*)"|([^;\s]+))/i.exec(contentType)
  return found?.[1] ?? found?.[2]
}

/**
 * Fills in the attachments that follow. CouchDB takes the parts in order, whatever their names are, and reads parts
 * until it has the announced number of bytes.
 */
const fill = (
  attachments: ReadonlyArray<IncomingAttachment>,
  parts: ReadonlyArray<Part>,
  ended: boolean
): Checked<ReadonlyArray<IncomingAttachment>> => {
  let next = 0
  const filled: Array<IncomingAttachment> = []
  for (const attachment of attachments) {
    if (attachment._tag !== "Follows") {
      filled.push(attachment)
      continue
    }
    const { bytes, ...described } = attachment
    if (bytes === undefined) return internalError("function_clause")
    const chunks: Array<Uint8Array> = []
    let size = 0
    // An empty attachment has an empty part.
    if (bytes === 0 && parts[next]?.body.length === 0) next++
    while (size < bytes) {
      const part = parts[next++]
      if (part === undefined) {
        return ended ? badRequest("attachment shorter than expected") : internalError("function_clause")
      }
      chunks.push(part.body)
      size += part.body.length
    }
    if (size > bytes) return badRequest("attachment longer than expected")
    filled.push({ ...described, _tag: "Data", data: concat(chunks) })
  }
  return Either.right(filled)
}

/** Parses a document and its attachments from a `multipart/related` body. */
export const read = (contentType: string, body: string | Uint8Array | undefined): Checked<Incoming> =>
  Either.gen(function*() {
    const boundary = boundaryOf(contentType)
    if (boundary === undefined) return yield* refuse(500, "error", "case_clause")
    const bytes = typeof body === "string" ? Utf8.encode(body) : body ?? new Uint8Array(0)
    const { ended, parts: [first, ...rest] } = split(bytes, boundary)
    if (first === undefined) return yield* refuse(500, "error", "expected more data")
    if (!/(?:^|\n)content-type:\s*application\/json\s*(?:;|\r|$)/i.test(first.headers)) {
      return yield* refuse(415, "bad_content_type", "Content-Type must be application/json")
    }
    const value = yield* parseJson(Utf8.decode(first.body))
    const document = yield* fromJson(value, first.body.length)
    return { ...document, attachments: yield* fill(document.attachments, rest, ended) }
  })
