import type * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Term from "../erlangTermFormat.js"
import { print } from "../print.js"
import type { Checked } from "../refusal.js"
import { refuse } from "../refusal.js"

/** The row after which a page begins. */
export interface Bookmark {
  readonly key: Json.Json
  readonly id: string
}

/** A bookmark as CouchDB writes it, but that CouchDB compresses long ones. */
export const encode = ({ id, key }: Bookmark): string =>
  Encoding.encodeBase64Url(Term.encode(Term.list([
    Term.tuple(Term.atom("startkey_docid"), Term.json(id)),
    Term.tuple(Term.atom("startkey"), Term.json(key))
  ])))

const valueOf = (term: Term.Term, name: string): Json.Json | undefined => {
  if (term._tag !== "List") return undefined
  for (const item of term.items) {
    const [key, value] = item._tag === "Tuple" ? item.items : []
    if (key?._tag === "Atom" && key.name === name && value !== undefined) return Term.toJson(value)
  }
  return undefined
}

/** Reads a bookmark. */
export const decode = (text: string): Checked<Bookmark> => {
  const bytes = Encoding.decodeBase64Url(text)
  const term = Either.isRight(bytes) ? Term.decode(bytes.right) : undefined
  const key = term === undefined ? undefined : valueOf(term, "startkey")
  const id = term === undefined ? undefined : valueOf(term, "startkey_docid")
  return key !== undefined && typeof id === "string"
    ? Either.right({ key, id })
    : refuse(400, "invalid_bookmark", `Invalid bookmark value: ${print(text)}`)
}
