import { md5 } from "@noble/hashes/legacy"
import { encodeUtf8, hex } from "../data/bytes.js"
import * as Revision from "../data/Revision.js"

/*
 * CouchDB gives a revision one parent. A merge therefore says in its own path what else it contains: between it and its
 * parent stands one revision for each loser, a marker, which has no content. A path replicates whole and survives
 * compaction, so whoever sees the merge sees what is in it, without a field in the document.
 */

/** What every marker's hash begins with, so that one is told from an edit also where the loser is not known. */
const sign = "6d657267"

const digits = { tag: 14, place: 10 }

const hashOf = (text: string): string => hex(md5(encodeUtf8(text)))

/** What a marker of this revision says after its sign. */
export const tagOf = (revision: string): string => hashOf(`effect-couchdb merged ${revision}`).slice(0, digits.tag)

/** A marker on another parent is another revision. */
const placeOf = (parent: Revision.Revision): string => hashOf(`effect-couchdb onto ${parent}`).slice(0, digits.place)

/** The tag of a marker; `undefined` for any other revision. */
export const markedBy = (revision: Revision.Revision): string | undefined => {
  const at = revision.indexOf("-") + 1
  return revision.length === at + 32 && revision.startsWith(sign, at)
    ? revision.slice(at + sign.length, at + sign.length + digits.tag)
    : undefined
}

type Path = readonly [Revision.Revision, ...ReadonlyArray<Revision.Revision>]

/** The path on which a merge of the losers into the winner goes: a marker for each, then the winner's own path. */
export const markedPath = (winner: Path, losers: ReadonlyArray<Revision.Revision>): Path =>
  losers.reduce<Path>(
    (path, loser) => [
      Revision.make(`${Revision.generation(path[0]) + 1}-${sign}${tagOf(loser)}${placeOf(path[0])}`),
      ...path
    ],
    winner
  )
