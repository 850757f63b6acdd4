import type * as Option from "effect/Option"
import type { Json, JsonObject } from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import type { Settings } from "../document/recorder.js"

// The records of lineage, what they prove together, and what is planned by them. Pure data.

/**
 * What a revision is: an edit or a deletion by this library, a merge, or an edit by a program that knows no lineage.
 * Edits, deletions and foreign edits count; merges only bring them together.
 */
export type RevisionKind = "edit" | "merge" | "delete" | "foreign"

/** What a revision is made of: its parent (`null` for a first revision) and what else it contains. */
export interface Link {
  readonly rev: Revision
  readonly parent: Revision | null
  readonly kind: RevisionKind
  readonly also: ReadonlyArray<Revision>
}

/** A body, without the field, and the stubs of its attachments. */
export interface Content {
  readonly body: JsonObject
  readonly files: JsonObject
}

/** An ancestor in a journal: how to get back to its body from the one after it, and the hash of what comes out. */
export interface JournalEntry {
  readonly link: Link
  readonly sum: string
  readonly back: Json
  readonly files: JsonObject
}

/**
 * What a revision says of itself in the field.
 *
 * - `k`: the depth of the journal
 * - `edit`: makes two equal edits two; kept when the same write is repeated
 * - `sum`: the hash of this revision's own content, by which the record proves that it is this revision's
 * - `path`: the last ancestors on its own path, the newest first
 * - `names`: what else is known of the history of all its heads, the newest first
 * - `content`: the body, where the revision is a tombstone that keeps it
 * - `redact`: the paths that no sum counts
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

/** The revision in which a buried one lives on. */
export type MergedInto = Link

/** The tombstone of a version that another one contains. It keeps what it buries: body and field as they were. */
export interface MergeTombstone {
  readonly of: Revision
  readonly ofParent: Revision | null
  readonly into: MergedInto
  readonly content: JsonObject | undefined
  readonly field: Json | undefined
}

/** What stands in a field: a record, a burial, one of a newer format, or nothing that this library wrote. */
export type Field =
  | { readonly _tag: "Record"; readonly record: Record }
  | { readonly _tag: "MergeTombstone"; readonly tombstone: MergeTombstone }
  | { readonly _tag: "Newer"; readonly parent: Option.Option<Revision> }
  | { readonly _tag: "None" }

/**
 * A version of the document `id` as a server has it: `path` is the revision and its ancestors as `_revisions` tells them, `body` the members
 * without CouchDB's own, the field among them.
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
 * What a tombstone is: of a burial, of a deletion by this library, or bare, as other programs write it. A bare one closes
 * its branch, and that is all.
 */
export type TombstoneKind = "merged" | "deletion" | "bare"

/**
 * All that some versions of one document tell.
 *
 * - `links`: what each revision is made of, as far as a valid record, or the revision itself, says so
 * - `parents`: what CouchDB tells of paths
 * - `contents`: the bodies that are at hand, from the server, from burials, or worked out from journals
 * - `records`: the valid ones, each proven to be its own revision's
 * - `disputed`: revisions of which two sources say different things, or that are nested too deeply to look into, and why:
 *   these count as not known
 * - `newer`: revisions that a newer version of this library wrote, which count as not known either
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
 * What heads are together: contents, and merges of them. A merge without a base has none for certain: its sides were made
 * apart from the start.
 */
export type Value =
  | { readonly _tag: "Content"; readonly rev: Revision }
  | { readonly _tag: "Merge"; readonly base: Value | undefined; readonly mine: Value; readonly theirs: Value }

/** A leaf to bury, and where it lives on. */
export interface PlannedTombstone {
  readonly of: Revision
  readonly into: MergedInto
}

/**
 * What is to be done about the leaves of a document.
 *
 * - `Nothing`: one head, and nothing beside it
 * - `Bury`: one head, and leaves whose edits it has
 * - `Merge`: several heads, or one that was hidden; `value` says what of, `parent` and `also` what the merge names,
 *   `merged` the leaves that it takes in, `burials` those that were contained before
 * - `Unknown`: something is missing here that another replica may have; `rev` is what to look for
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
 * A revision that is to be written. A tombstone carries its content in the record; `edit` makes two equal edits two, and a
 * merge has none.
 */
export interface NewRevision {
  readonly kind: Record["kind"]
  readonly parent: Revision | null
  readonly also: ReadonlyArray<Revision>
  readonly content: Content
  readonly deleted: boolean
  readonly edit: string | undefined
}

/** A merge as it will be stored: the heads that it takes in, `body` with the field, the stubs of its files in their order. */
export interface StoredMerge {
  readonly parent: Revision | null
  readonly heads: ReadonlyArray<Revision>
  readonly deleted: boolean
  readonly body: JsonObject
  readonly files: JsonObject
}
