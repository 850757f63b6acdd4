import type * as Option from "effect/Option"
import type { Json, JsonObject } from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import type { Settings } from "../document/recorder.js"

// The data model of lineage: stored records, the index of what they record, and plans.

/**
 * The kind of a revision: an edit or a deletion by this library, a merge, or an edit by a program without lineage
 * (foreign). Edits, deletions and foreign edits change a document. A merge only combines them.
 */
export type RevisionKind = "edit" | "merge" | "delete" | "foreign"

/** The origin of a revision: its parent (`null` for a first revision) and the revisions that it also contains. */
export interface Link {
  readonly rev: Revision
  readonly parent: Revision | null
  readonly kind: RevisionKind
  readonly also: ReadonlyArray<Revision>
}

/** A body without the field, and the stubs of its attachments. */
export interface Content {
  readonly body: JsonObject
  readonly files: JsonObject
}

/**
 * An ancestor in a journal: the patch that restores its body from the body of its child, and the hash of the result.
 */
export interface JournalEntry {
  readonly link: Link
  readonly sum: string
  readonly back: Json
  readonly files: JsonObject
}

/**
 * The record that a revision stores in the field.
 *
 * - `depth`: the maximum length of the journal
 * - `edit`: distinguishes two edits with equal content. A repeated write has the same one
 * - `sum`: the hash of the content of this revision. It proves that the record belongs to the revision
 * - `path`: the journal, which is the last ancestors on the path of this revision, the newest first
 * - `names`: further revisions in the history of all merged heads, the newest first
 * - `content`: the body, if the revision is a tombstone that keeps it
 * - `redact`: the paths that no hash covers
 */
export interface Record {
  readonly kind: "edit" | "merge" | "delete"
  readonly parent: Revision | null
  readonly also: ReadonlyArray<Revision>
  readonly sum: string
  readonly depth: number
  readonly edit: string | undefined
  readonly content: JsonObject | undefined
  readonly redact: ReadonlyArray<ReadonlyArray<string>>
  readonly path: ReadonlyArray<JournalEntry>
  readonly names: ReadonlyArray<Link>
}

/** The revision that contains a merged version. */
export type MergedInto = Link

/**
 * The tombstone of a merged version, which another one contains. It keeps the body and the field of the version
 * unchanged.
 */
export interface MergeTombstone {
  readonly of: Revision
  readonly ofParent: Revision | null
  readonly into: MergedInto
  readonly content: JsonObject | undefined
  readonly field: Json | undefined
}

/**
 * The content of a field: a record, the tombstone of a merged version, a newer format, or none that this library wrote.
 */
export type Field =
  | { readonly _tag: "Record"; readonly record: Record }
  | { readonly _tag: "MergeTombstone"; readonly tombstone: MergeTombstone }
  | { readonly _tag: "Newer"; readonly parent: Option.Option<Revision> }
  | { readonly _tag: "None" }

/**
 * A version of the document `id` that a server stores. `path` is the revision and its ancestors from `_revisions`.
 * `body` contains the field, but no members of CouchDB itself.
 */
export interface Version {
  readonly id: string
  readonly rev: Revision
  readonly path: ReadonlyArray<Revision>
  readonly deleted: boolean
  readonly body: JsonObject
  readonly files: JsonObject
}

/**
 * The kind of a tombstone: of a merged version, of a deletion by this library, or bare, as other programs write it. A
 * bare tombstone only ends its branch.
 */
export type TombstoneKind = "merged" | "deletion" | "bare"

/**
 * An index of everything that versions of one document record.
 *
 * - `links`: the origin of each revision, from a valid record or from the revision itself
 * - `parents`: the parents that CouchDB's paths contain
 * - `contents`: the available bodies, from the server, from tombstones, or restored from journals
 * - `records`: the valid records, each proven to belong to its revision
 * - `tombstoneKinds`: the kind of each leaf that is a tombstone
 * - `mergeTombstones`: the tombstones of merged versions
 * - `disputed`: revisions that two sources contradict each other about, or that are nested too deeply to be read, and
 *   why. They count as unknown
 * - `newer`: revisions in a newer format, which count as unknown too
 */
export interface LineageIndex {
  readonly settings: Settings
  readonly links: ReadonlyMap<Revision, Link>
  readonly parents: ReadonlyMap<Revision, Revision>
  readonly contents: ReadonlyMap<Revision, Content>
  readonly records: ReadonlyMap<Revision, Record>
  readonly tombstoneKinds: ReadonlyMap<Revision, TombstoneKind>
  readonly mergeTombstones: ReadonlyMap<Revision, MergeTombstone>
  readonly disputed: ReadonlyMap<Revision, string>
  readonly newer: ReadonlySet<Revision>
}

/**
 * The merge of heads as an expression over contents. A merge without a base certainly has none: its sides have no
 * common ancestor.
 */
export type Value =
  | { readonly _tag: "Content"; readonly rev: Revision }
  | { readonly _tag: "Merge"; readonly base: Value | undefined; readonly mine: Value; readonly theirs: Value }

/** A leaf to delete as merged, and the revision that contains it. */
export interface PlannedTombstone {
  readonly of: Revision
  readonly into: MergedInto
}

/**
 * How the leaves of a document are resolved.
 *
 * - `Nothing`: one head and no other leaves
 * - `DeleteMerged`: one head, and leaves whose edits it contains
 * - `Merge`: several heads, or an orphan. `value` is the merged content. `parent` and `also` are the revisions that the
 *   merge names, `merged` the live leaves that it merges, and `tombstones` those for leaves that were contained before
 * - `Unknown`: `rev` is missing here, and another replica may have it
 */
export type Plan =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "DeleteMerged"; readonly head: Revision; readonly tombstones: ReadonlyArray<PlannedTombstone> }
  | {
    readonly _tag: "Merge"
    readonly parent: Revision
    readonly also: ReadonlyArray<Revision>
    readonly alive: boolean
    readonly value: Value
    readonly orphans: ReadonlyArray<Revision>
    readonly merged: ReadonlyArray<Revision>
    readonly tombstones: ReadonlyArray<PlannedTombstone>
  }
  | {
    readonly _tag: "Unknown"
    readonly rev: Revision
    readonly why: string
    readonly parent: Revision
    readonly also: ReadonlyArray<Revision>
  }

/**
 * A revision to write. A tombstone keeps its content in the record. `edit` distinguishes two edits with equal content.
 * A merge has no `edit`.
 */
export interface NewRevision {
  readonly kind: Record["kind"]
  readonly parent: Revision | null
  readonly also: ReadonlyArray<Revision>
  readonly content: Content
  readonly deleted: boolean
  readonly edit: string | undefined
}

/** A merge to store: the heads that it merges, the `body` with the field, and the stubs of its attachments in order. */
export interface StoredMerge {
  readonly parent: Revision | null
  readonly heads: ReadonlyArray<Revision>
  readonly deleted: boolean
  readonly body: JsonObject
  readonly files: JsonObject
}
