import { md5 } from "@noble/hashes/legacy"
import * as Encoding from "effect/Encoding"
import * as Revision from "../../Revision.js"

/*
 * CouchDB gives a revision one parent. A merge therefore says in its own path what else it contains: between it and its
 * parent stands one revision for each loser, a marker, which has no content. A path replicates whole and survives
 * compaction, so whoever sees the merge sees what is in it, without a field in the document.
 */

/** What every marker's hash begins with, so that one is told from an edit also where the loser is not known. */
const sign = "6d657267"

const digits = 32 - sign.length

/** What a marker of this revision says after its sign. */
export const tagOf = (revision: string): string =>
  Encoding.encodeHex(md5(new TextEncoder().encode(`effect-couchdb merged ${revision}`))).slice(0, digits)

/** The tag of a marker; `undefined` for any other revision. */
export const markedBy = (revision: Revision.Revision): string | undefined => {
  const { hash } = Revision.parts(revision)
  return hash.length === 32 && hash.startsWith(sign) ? hash.slice(sign.length) : undefined
}

/** The path on which a merge of the losers into the winner goes: a marker for each, then the winner's own path. */
export const markedPath = (
  winner: readonly [Revision.Revision, ...ReadonlyArray<Revision.Revision>],
  losers: ReadonlyArray<Revision.Revision>
): readonly [Revision.Revision, ...ReadonlyArray<Revision.Revision>] => {
  const start = Revision.generation(winner[0])
  const markers = losers.map((loser, i) => Revision.make(`${start + i + 1}-${sign}${tagOf(loser)}`))
  const [newest, ...older] = [...markers.reverse(), ...winner]
  return [newest ?? winner[0], ...older]
}
