import * as Option from "effect/Option"
import { hashedAttachments } from "../data/attachmentDigests.js"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import type { Version } from "../http/bulk/bulkGetVersions.js"
import type { RawDocument } from "../http/rawDocument.js"

/** The member of a tombstone that describes the merged version. */
const field = "lineage"

/** The revision that contains a merged version. */
export interface MergedInto {
  readonly rev: Revision.Revision
  readonly parent: Revision.Revision | undefined
  readonly also: ReadonlyArray<string>
}

/**
 * The tombstone of a merged version, which another one contains. It keeps the body and the attachments of the version.
 */
export interface MergeTombstone {
  readonly of: Version
  /** The body of the tombstone. */
  readonly body: Json.JsonObject
  readonly stubs: Option.Option<Json.JsonObject>
}

export const mergeTombstone = (of: Version, into: MergedInto): MergeTombstone => ({
  of,
  stubs: of.raw.stubs,
  body: {
    [field]: {
      doc: of.raw.raw,
      into: { also: into.also, parent: into.parent ?? null, rev: into.rev },
      kind: "burial",
      of: of.raw.rev,
      ofParent: of.path[1] ?? null,
      v: 1
    }
  }
})

/** Encodes the tombstone for `_bulk_docs`. */
export const tombstoneJson = (tombstone: MergeTombstone): Json.JsonObject =>
  Json.fromEntries([
    ["_id", tombstone.of.raw.id],
    ["_rev", tombstone.of.raw.rev],
    ["_deleted", true],
    ...Option.match(tombstone.stubs, { onNone: () => [], onSome: (stubs) => [["_attachments", stubs] as const] }),
    ...Json.entries(tombstone.body)
  ])

/** The revision of the tombstone, which is the same on every replica. */
export const tombstoneRevision = (tombstone: MergeTombstone): Option.Option<Revision.Revision> =>
  Option.flatMap(
    Option.match(tombstone.stubs, { onNone: () => Option.some([]), onSome: hashedAttachments }),
    (attachments) =>
      Revision.predict({ parent: Option.some(tombstone.of.raw.rev), deleted: true, body: tombstone.body, attachments })
  )

/** Whether a tombstone records a merge, and not a deletion. */
export const isMergeTombstone = (leaf: RawDocument): boolean => Json.get(Json.get(leaf.raw, field), "kind") === "burial"

/** The revisions that a list names; `undefined` if the leaf is not a list. */
export const listedRevisions = (leaf: RawDocument): ReadonlyArray<Revision.Revision> | undefined => {
  const record = Json.get(leaf.raw, field)
  const of = Json.get(record, "of")
  return leaf.deleted && Json.get(record, "kind") === "list" && Json.isArray(of)
    ? of.filter(Revision.isRevision)
    : undefined
}

/** The body of a list. */
export const listBody = (of: ReadonlyArray<Revision.Revision>): Json.JsonObject => ({
  [field]: { kind: "list", of, v: 1 }
})

/** The revision and the body that the tombstone of a merged version keeps. */
export const keptBody = (
  leaf: RawDocument
): Option.Option<{ readonly of: Revision.Revision; readonly doc: Json.JsonObject }> => {
  const record = Json.get(leaf.raw, field)
  const of = Json.get(record, "of")
  const doc = Json.get(record, "doc")
  return isMergeTombstone(leaf) && Revision.isRevision(of) && Json.isObject(doc)
    ? Option.some({ of, doc })
    : Option.none()
}
