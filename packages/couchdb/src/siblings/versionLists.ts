import * as Option from "effect/Option"
import * as Revision from "../data/Revision.js"
import type { MergedVersion } from "./mergedVersion.js"
import { listBody } from "./mergeTombstone.js"

/**
 * The most versions that a merge names in its own path, and that one list names. CouchDB keeps a thousand revisions of a
 * path by default, and every later revision has them in its path too.
 */
const maxNames = 64

export interface VersionNames {
  /** What a merge names instead of the versions. */
  readonly names: ReadonlyArray<Revision.Revision>
  readonly lists: ReadonlyArray<MergedVersion>
}

/**
 * Names for versions, few enough for a path: the versions themselves, or lists of them. A list is a tombstone with a root of
 * its own whose body names revisions, so it replicates and survives compaction like any leaf.
 */
export const nameVersions = (id: string, versions: ReadonlyArray<Revision.Revision>): Option.Option<VersionNames> => {
  const lists: Array<MergedVersion> = []
  let names = versions
  while (names.length > maxNames) {
    const above: Array<Revision.Revision> = []
    for (let at = 0; at < names.length; at += maxNames) {
      const raw = listBody(names.slice(at, at + maxNames))
      const rev = Revision.predict({ parent: Option.none(), deleted: true, body: raw, attachments: [] })
      if (Option.isNone(rev)) return Option.none()
      lists.push({ id, path: [rev.value], raw, files: new Map(), winner: rev.value, deleted: true })
      above.push(rev.value)
    }
    names = above
  }
  return Option.some({ names, lists })
}
