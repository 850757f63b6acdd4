import * as Option from "effect/Option"
import * as Revision from "../data/Revision.js"
import type { MergedVersion } from "./mergedVersion.js"
import { listBody } from "./mergeTombstone.js"

/**
 * The most versions that the path of a merge or one list names. CouchDB keeps 1,000 revisions of a path by default, and
 * the paths of all later revisions contain these names too.
 */
const maxNames = 64

export interface VersionNames {
  /** The revisions that a merge names: the versions themselves, or lists of them. */
  readonly names: ReadonlyArray<Revision.Revision>
  readonly lists: ReadonlyArray<MergedVersion>
}

/**
 * Names versions so that all names fit into a path. If there are too many versions, lists name them. A list is a
 * tombstone without a parent whose body names revisions, so it replicates and survives compaction like any leaf.
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
