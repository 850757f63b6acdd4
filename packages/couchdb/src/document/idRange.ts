import * as Option from "effect/Option"
import { hasLoneSurrogate } from "../data/Json.js"
import type { IdCodec } from "./Collection.js"

/** What the ids of design documents begin with. They are in `_all_docs` and in the changes feed, and in no collection. */
export const designPrefix = "_design/"

/**
 * The ids that the documents of a collection may have.
 *
 * - `prefix`: what all of them begin with
 * - `exact`: whether every id that begins so is the collection's, except those of design documents
 * - `designs`: whether ids of design documents begin so, too
 */
export interface IdSpan {
  readonly prefix: string
  readonly exact: boolean
  readonly designs: boolean
}

const everywhere: IdSpan = { prefix: "", exact: false, designs: true }

export const spanOf = <K>({ range }: IdCodec<K>): IdSpan =>
  // No id holds half of a surrogate pair, and no request could name one.
  range === undefined || hasLoneSurrogate(range.prefix) ? everywhere : {
    prefix: range.prefix,
    exact: range.exact === true,
    designs: designPrefix.startsWith(range.prefix) || range.prefix.startsWith(designPrefix)
  }

/** Whether an id is one of the collection's. A design document's never is. */
export const owns = <K>(codec: IdCodec<K>, id: string): boolean =>
  !id.startsWith(designPrefix) && Option.isSome(codec.decode(id))

/** {@link owns} for the ids of one collection. */
export const ownsIn = <K>(codec: IdCodec<K>) => (id: string): boolean => owns(codec, id)

/**
 * How many rows to ask for next, when `left` more are wanted and so many of those that were read were the collection's:
 * as many as will hold them if the rest is alike, and more each time that nothing was found.
 */
export const nextSize = (left: number, read: number, found: number, last: number, foundLast: number, most: number) => {
  const expected = found === 0 ? 4 * last : Math.ceil(left * read / found)
  return Math.max(left, Math.min(most, foundLast === 0 ? Math.max(expected, 2 * last) : expected))
}
