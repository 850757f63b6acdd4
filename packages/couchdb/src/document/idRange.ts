import * as Option from "effect/Option"
import { hasLoneSurrogate } from "../data/Json.js"
import type { IdCodec } from "./Collection.js"

/** The prefix of the ids of design documents. `_all_docs` and the changes feed contain them, but no collection does. */
export const designPrefix = "_design/"

/**
 * The ids that the documents of a collection may have.
 *
 * - `prefix`: the prefix of all ids
 * - `exact`: whether every id with the prefix belongs to the collection, except those of design documents
 * - `designs`: whether ids of design documents may have the prefix, too
 */
export interface IdSpan {
  readonly prefix: string
  readonly exact: boolean
  readonly designs: boolean
}

const everywhere: IdSpan = { prefix: "", exact: false, designs: true }

export const spanOf = <K>({ range }: IdCodec<K>): IdSpan =>
  // No id contains half of a surrogate pair, and no request could contain it.
  range === undefined || hasLoneSurrogate(range.prefix) ? everywhere : {
    prefix: range.prefix,
    exact: range.exact === true,
    designs: designPrefix.startsWith(range.prefix) || range.prefix.startsWith(designPrefix)
  }

/** Whether an id belongs to the collection. The id of a design document never does. */
export const owns = <K>(codec: IdCodec<K>, id: string): boolean =>
  !id.startsWith(designPrefix) && Option.isSome(codec.decode(id))

/** {@link owns} for the ids of one collection. */
export const ownsIn = <K>(codec: IdCodec<K>) => (id: string): boolean => owns(codec, id)

/**
 * The number of rows to request next, if `left` more documents are needed. `found` of the `read` rows so far were
 * documents of the collection. It assumes the same proportion in the remaining rows, and doubles each time that nothing
 * was found.
 */
export const nextSize = (
  left: number,
  read: number,
  found: number,
  last: number,
  foundLast: number,
  maxSize: number
) => {
  const expected = found === 0 ? 4 * last : Math.ceil(left * read / found)
  return Math.max(left, Math.min(maxSize, foundLast === 0 ? Math.max(expected, 2 * last) : expected))
}
