import type * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import { deflate, inflate } from "pako"
import { concat } from "../encoding/bytes.js"
import * as Term from "../encoding/externalTerm.js"
import { print } from "../encoding/printJson.js"
import type { Checked } from "../http/refusal.js"
import { refuse } from "../http/refusal.js"

const version = 131
const compressed = 80

/** Compresses a term as Erlang does: with its length in front, and only if that makes it shorter. */
const compress = (term: Uint8Array): Uint8Array => {
  const packed = deflate(term.subarray(1), { legacyHash: true })
  if (packed.length + 5 >= term.length) return term
  const bytes = new Uint8Array(6 + packed.length)
  new DataView(bytes.buffer).setUint32(2, term.length - 1)
  bytes.set([version, compressed])
  bytes.set(packed, 6)
  return bytes
}

// The engine writes no longer bookmarks.
const maxLength = 1 << 24

const decompress = (bytes: Uint8Array): Uint8Array => {
  if (bytes[0] !== version || bytes[1] !== compressed || bytes.length < 6) return bytes
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(2)
  if (length > maxLength) return bytes
  try {
    return concat([Uint8Array.of(version), inflate(bytes.subarray(6))])
  } catch {
    return bytes
  }
}

/** The last row of a page. */
export interface Bookmark {
  readonly key: Json.Json
  readonly id: string
}

/** Encodes a bookmark as CouchDB does. */
export const encode = ({ id, key }: Bookmark): string =>
  Encoding.encodeBase64Url(compress(Term.encode(Term.list([
    Term.tuple(Term.atom("startkey_docid"), Term.json(id)),
    Term.tuple(Term.atom("startkey"), Term.json(key))
  ]))))

const valueOf = (term: Term.Term, name: string): Json.Json | undefined => {
  if (term._tag !== "List") return undefined
  for (const item of term.items) {
    const [key, value] = item._tag === "Tuple" ? item.items : []
    if (key?._tag === "Atom" && key.name === name && value !== undefined) return Term.toJson(value)
  }
  return undefined
}

/** Decodes a bookmark. */
export const decode = (text: string): Checked<Bookmark> => {
  const bytes = Encoding.decodeBase64Url(text)
  const term = Either.isRight(bytes) ? Term.decode(decompress(bytes.right)) : undefined
  const key = term === undefined ? undefined : valueOf(term, "startkey")
  const id = term === undefined ? undefined : valueOf(term, "startkey_docid")
  return key !== undefined && typeof id === "string"
    ? Either.right({ key, id })
    : refuse(400, "invalid_bookmark", `Invalid bookmark value: ${print(text)}`)
}
