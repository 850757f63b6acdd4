import type { Revision } from "../data/Revision.js"
import type * as Lineage from "./model.js"

/** A copy of the index that planned merges can be added to. */
export interface ExtensibleIndex {
  readonly index: Lineage.LineageIndex
  /** Adds a planned merge as if it had been stored and read. */
  readonly add: (record: Lineage.Record, version: Lineage.Version) => void
}

export const makeExtensible = (index: Lineage.LineageIndex): ExtensibleIndex => {
  const links = new Map(index.links)
  const parents = new Map(index.parents)
  const contents = new Map(index.contents)
  const records = new Map(index.records)
  const tombstones = new Map<Revision, Lineage.TombstoneKind>(index.tombstoneKinds)
  return {
    index: { ...index, links, parents, contents, records, tombstoneKinds: tombstones },
    add: (record, { body, deleted, files, path, rev }) => {
      links.set(rev, { rev, parent: record.parent, kind: record.kind, also: record.also })
      if (path[1] !== undefined) parents.set(rev, path[1])
      if (!deleted) contents.set(rev, { body, files })
      else if (record.content !== undefined) contents.set(rev, { body: record.content, files })
      records.set(rev, record)
      if (deleted) tombstones.set(rev, "deletion")
    }
  }
}
