import { md5 } from "@noble/hashes/legacy"
import { encodeUtf8, hex } from "../data/bytes.js"
import * as Revision from "../data/Revision.js"

/*
 * A CouchDB revision has one parent. A merge therefore records its losers in its path, as markers: one revision without
 * content for each loser, between the merge and its parent. Paths replicate completely and survive compaction, so every
 * replica of the merge knows its losers, without a field in the document.
 */

/** The prefix of every marker's hash. It distinguishes markers from edits, even if the loser is unknown. */
const markerPrefix = "6d657267"

const digits = { tag: 14, place: 10 }

const hashOf = (text: string): string => hex(md5(encodeUtf8(text)))

/** The tag of a revision, which its markers contain after the prefix. */
export const tagOf = (revision: string): string => hashOf(`effect-couchdb merged ${revision}`).slice(0, digits.tag)

/** The end of a marker's hash. It distinguishes markers of the same loser with different parents. */
const parentTag = (parent: Revision.Revision): string => hashOf(`effect-couchdb onto ${parent}`).slice(0, digits.place)

/** The tag of a marker; `undefined` for any other revision. */
export const markerTag = (revision: Revision.Revision): string | undefined => {
  const at = revision.indexOf("-") + 1
  return revision.length === at + 32 && revision.startsWith(markerPrefix, at)
    ? revision.slice(at + markerPrefix.length, at + markerPrefix.length + digits.tag)
    : undefined
}

type Path = readonly [Revision.Revision, ...ReadonlyArray<Revision.Revision>]

/**
 * The path that a merge of the losers into the winner extends: a marker for each loser, then the path of the winner.
 */
export const markedPath = (winner: Path, losers: ReadonlyArray<Revision.Revision>): Path =>
  losers.reduce<Path>(
    (path, loser) => [
      Revision.make(`${Revision.generation(path[0]) + 1}-${markerPrefix}${tagOf(loser)}${parentTag(path[0])}`),
      ...path
    ],
    winner
  )
