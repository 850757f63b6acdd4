import * as Option from "effect/Option"
import { hashedAttachments } from "../data/attachmentDigests.js"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import type { Version } from "../http/bulk/bulkGetVersions.js"
import type { RawDocument } from "../http/rawDocument.js"

/** The member of a tombstone that says what it buries. */
const field = "lineage"

/** The revision in which the buried one lives on. */
export interface MergedInto {
  readonly rev: Revision.Revision
  readonly parent: Revision.Revision | undefined
  readonly also: ReadonlyArray<string>
}

/** The tombstone of a version that another one contains. It keeps what it buries: its body, and its attachments. */
export interface MergeTombstone {
  readonly of: Version
  /** What the tombstone says, beside its attachments. */
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

/** The tombstone as `_bulk_docs` takes it. */
export const tombstoneJson = (tombstone: MergeTombstone): Json.JsonObject =>
  Json.fromEntries([
    ["_id", tombstone.of.raw.id],
    ["_rev", tombstone.of.raw.rev],
    ["_deleted", true],
    ...Option.match(tombstone.stubs, { onNone: () => [], onSome: (stubs) => [["_attachments", stubs] as const] }),
    ...Json.entries(tombstone.body)
  ])

/** The revision that the tombstone has on every replica. */
export const tombstoneRevision = (tombstone: MergeTombstone): Option.Option<Revision.Revision> =>
  Option.flatMap(
    Option.match(tombstone.stubs, { onNone: () => Option.some([]), onSome: hashedAttachments }),
    (attachments) =>
      Revision.predict({ parent: Option.some(tombstone.of.raw.rev), deleted: true, body: tombstone.body, attachments })
  )

/** Whether a tombstone is a burial, and no deletion. */
export const isMergeTombstone = (leaf: RawDocument): boolean => Json.get(Json.get(leaf.raw, field), "kind") === "burial"

/** The revisions that a list names; `undefined` if the leaf is not a list. */
export const listedRevisions = (leaf: RawDocument): ReadonlyArray<Revision.Revision> | undefined => {
  const own = Json.get(leaf.raw, field)
  const of = Json.get(own, "of")
  return leaf.deleted && Json.get(own, "kind") === "list" && Json.isArray(of)
    ? of.filter(Revision.isRevision)
    : undefined
}

/** The body of a list. */
export const listBody = (of: ReadonlyArray<Revision.Revision>): Json.JsonObject => ({
  [field]: { kind: "list", of, v: 1 }
})

/** The body that a burial keeps. */
export const keptBody = (
  leaf: RawDocument
): Option.Option<{ readonly of: Revision.Revision; readonly doc: Json.JsonObject }> => {
  const own = Json.get(leaf.raw, field)
  const of = Json.get(own, "of")
  const doc = Json.get(own, "doc")
  return isMergeTombstone(leaf) && Revision.isRevision(of) && Json.isObject(doc)
    ? Option.some({ of, doc })
    : Option.none()
}
