import type { Revision } from "../data/Revision.js"
import type * as Lineage from "./model.js"

/** A copy of the knowledge that planned merges can be added to. */
export interface Extensible {
  readonly knowledge: Lineage.Knowledge
  /** Adds a planned merge as if it had been stored and read. */
  readonly add: (record: Lineage.Record, version: Lineage.Version) => void
}

export const extensible = (knowledge: Lineage.Knowledge): Extensible => {
  const links = new Map(knowledge.links)
  const parents = new Map(knowledge.parents)
  const contents = new Map(knowledge.contents)
  const records = new Map(knowledge.records)
  const tombstones = new Map<Revision, Lineage.Tombstone>(knowledge.tombstones)
  return {
    knowledge: { ...knowledge, links, parents, contents, records, tombstones },
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
