import type { BufferedResponse } from "effect-couchdb/Transport"
import { concat } from "../encoding/bytes.js"
import { print } from "../encoding/printJson.js"
import * as Utf8 from "../encoding/utf8.js"
import type { View } from "../storage/attachments.js"
import { includesBytes } from "../storage/attachments.js"
import type { Attachment } from "../storage/state.js"

/** Text and bytes in the order of the body. */
export type Chunks = ReadonlyArray<string | Uint8Array>

/** A document for a multipart response: its JSON text, and the attachments that follow. */
export interface Document {
  readonly text: string
  readonly attachments: ReadonlyArray<Attachment>
}

/** Selects the attachments that follow. */
export const document = (text: string, attachments: ReadonlyArray<Attachment>, view: View): Document => ({
  text,
  attachments: attachments.filter((attachment) => includesBytes(view, attachment))
})

const bytesOf = (pieces: Chunks): Uint8Array =>
  concat(pieces.map((piece) => typeof piece === "string" ? Utf8.encode(piece) : piece))

const makeResponse = (status: number, headers: Readonly<Record<string, string>>, pieces: Chunks): BufferedResponse => ({
  status,
  headers,
  body: pieces.every((piece) => typeof piece === "string") ? pieces.join("") : bytesOf(pieces)
})

const related = ({ attachments, text }: Document, boundary: string): Chunks => [
  `--${boundary}\r\nContent-Type: application/json\r\n\r\n${text}\r\n--${boundary}`,
  ...attachments.flatMap(({ contentType, data, encoding, name }): Chunks => [
    `\r\nContent-Disposition: attachment; filename="${name}"\r\nContent-Type: ${contentType}\r\n` +
    `Content-Length: ${data.length}${encoding === "gzip" ? "\r\nContent-Encoding: gzip" : ""}\r\n\r\n`,
    data,
    `\r\n--${boundary}`
  ]),
  "--"
]

/** The response to a read of one document. It is JSON if no attachment follows. */
export const multipartRelated = (
  boundary: string,
  document: Document,
  headers: Readonly<Record<string, string>>
): BufferedResponse =>
  document.attachments.length === 0
    ? makeResponse(200, { ...headers, "content-type": "application/json" }, [document.text])
    : makeResponse(
      200,
      { ...headers, "content-type": `multipart/related; boundary="${boundary}"` },
      related(document, boundary)
    )

/** A revision for a multipart response. `document` is `undefined` if nothing is stored of it. */
export interface Part {
  readonly rev: string
  readonly document: Document | undefined
}

const mixedPart = ({ document, rev }: Part, inner: string): Chunks =>
  document === undefined
    ? [`\r\nContent-Type: application/json; error="true"\r\n\r\n${print({ missing: rev })}`]
    : document.attachments.length === 0
    ? [`\r\nContent-Type: application/json\r\n\r\n${document.text}`]
    : [`\r\nContent-Type: multipart/related; boundary="${inner}"\r\n\r\n`, ...related(document, inner)]

/** The response to `open_revs`. */
export const multipartMixed = (outer: string, inner: string, parts: ReadonlyArray<Part>): BufferedResponse =>
  makeResponse(200, { "content-type": `multipart/mixed; boundary="${outer}"` }, [
    `--${outer}`,
    ...parts.flatMap((part): Chunks => [...mixedPart(part, inner), `\r\n--${outer}`]),
    "--"
  ])

/** A revision for `_bulk_get`, or its error as JSON for a list and for a part. */
export type BulkPart =
  | { readonly _tag: "Document"; readonly id: string; readonly rev: string; readonly document: Document }
  | { readonly _tag: "Error"; readonly listed: string; readonly alone: string }

const bulkPart = (part: BulkPart, inner: string): Chunks => {
  if (part._tag === "Error") return [`\r\nContent-Type: application/json; error="true"\r\n\r\n${part.alone}`]
  const { document, id, rev } = part
  return document.attachments.length === 0
    ? [`\r\nContent-Type: application/json\r\n\r\n${document.text}`]
    : [
      `\r\nX-Doc-Id: ${id}\r\nX-Rev-Id: ${rev}\r\nContent-Type: multipart/related; boundary=${inner}\r\n\r\n`,
      ...related(document, inner)
    ]
}

/** The response to `_bulk_get`. */
export const bulkMultipart = (
  type: "multipart/mixed" | "multipart/related",
  boundary: () => string,
  parts: ReadonlyArray<BulkPart>
): BufferedResponse => {
  const outer = `--${boundary()}`
  return makeResponse(200, { "content-type": `${type}; boundary="${outer}"` }, [
    ...parts.flatMap((part): Chunks => [`\r\n--${outer}`, ...bulkPart(part, `--${boundary()}`)]),
    ...(parts.length === 0 ? [] : [`\r\n--${outer}--\r\n`])
  ])
}
