import { md5 } from "@noble/hashes/legacy"
import type { Json } from "effect-couchdb/Json"
import type { BufferedResponse } from "effect-couchdb/Transport"
import { crc32 } from "../encoding/crc32.js"
import { print } from "../encoding/printJson.js"
import * as Utf8 from "../encoding/utf8.js"
import type { Refusal } from "./refusal.js"
import type { Request } from "./request.js"
import { header } from "./request.js"

type Headers = Readonly<Record<string, string>>

const common: Headers = { "cache-control": "must-revalidate", "content-type": "application/json" }

/** A response with JSON text. CouchDB always appends a line break. */
export const text = (status: number, body: string, headers?: Headers): BufferedResponse => ({
  status,
  headers: headers === undefined ? common : { ...common, ...headers },
  body: `${body}\n`
})

/** A JSON response. */
export const json = (status: number, body: Json, headers?: Headers): BufferedResponse =>
  text(status, print(body), headers)

export const fromRefusal = (refused: Refusal): BufferedResponse =>
  json(refused.status, {
    error: refused.error,
    reason: refused.reason,
    ...(refused.ref === undefined || refused.ref === false
      ? undefined
      : { ref: refused.ref === true ? crc32(`${refused.error} ${print(refused.reason)}`) : refused.ref })
  }, refused.headers)

/** An ETag for content without a revision: a digest in base 36, like CouchDB's. */
export const etagOf = (content: string): string => {
  let value = 0n
  for (const byte of md5(Utf8.encode(content))) value = (value << 8n) | BigInt(byte)
  return `"${value.toString(36).toUpperCase()}"`
}

/** Responds with 304 if the client already has this ETag. */
export const unlessMatched = <A = BufferedResponse>(
  request: Request,
  etag: string,
  respond: () => A
): BufferedResponse | A => {
  const known = header(request, "if-none-match")?.split(",").map((tag) => tag.trim().replace(/^W\//, ""))
  return known?.some((tag) => tag === etag) === true
    ? { status: 304, headers: { etag }, body: "" }
    : respond()
}
