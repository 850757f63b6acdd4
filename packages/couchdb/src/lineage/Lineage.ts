/**
 * Merge commits for CouchDB: what makes three-way merges exact among replicas.
 *
 * A revision has one parent, so CouchDB cannot say that a merged revision also contains its losers, and two resolvers that
 * saw different leaves count edits twice when their results meet. A collection with lineage keeps one field more in each
 * document, in which every revision says what it is made of. This module is the pure part: what such records say, which
 * revisions contain which edits, and what is to be merged with what, over which base. It reads nothing and writes nothing.
 *
 * One rule holds throughout: what is forgotten may only turn a merge into a report, never into another value.
 *
 * @since 0.1.0
 */
import type * as Option from "effect/Option"
import type { Json, JsonObject } from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import type { Settings, TypeId } from "../document/recorder.js"
import type { Rules } from "../siblings/SiblingPolicy.js"
import * as journal from "./journal.js"
import * as internalKnowledge from "./knowledge.js"
import * as mac from "./mac.js"
import * as chosen from "./mergeRevision.js"
import * as internalPlan from "./plan.js"
import * as record from "./record.js"
import * as internalSettings from "./settings.js"
import * as internalValidation from "./validation.js"

export { type Settings, TypeId } from "../document/recorder.js"

/**
 * What the settings are made of; everything has a default.
 *
 * @since 0.1.0
 * @category model
 */
export type Options = Partial<Omit<Settings, TypeId>>

/**
 * Switches lineage on, in `Collection.make`'s options. The code that records it comes along: programs that keep none do not
 * carry it.
 *
 * Defaults: field `lineage`, 16 ancestors, 128 names, bodies kept, nothing redacted, nothing signed. Throws a `RangeError`
 * where the field's name begins with an underscore, which CouchDB keeps for itself, a number is none, or a key is empty.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection, Lineage } from "effect-couchdb"
 *
 * const Card = Schema.Struct({ name: Schema.String, street: Schema.String })
 *
 * const cards = Collection.make("office", Card, { lineage: Lineage.settings() })
 * const shallow = Collection.make("office", Card, { lineage: Lineage.settings({ depth: 8 }) })
 *
 * @since 0.1.0
 * @category constructors
 */
export const settings: (options?: Options) => Settings = internalSettings.settings

/**
 * What a revision is: an edit or a deletion by this library, a merge, or an edit by a program that knows no lineage.
 * Edits, deletions and foreign edits count; merges only bring them together.
 *
 * @since 0.1.0
 * @category model
 */
export type Kind = "edit" | "merge" | "delete" | "foreign"

/**
 * What a revision is made of: its parent (`null` for a first revision) and what else it contains.
 *
 * @since 0.1.0
 * @category model
 */
export interface Link {
  readonly rev: Revision
  readonly parent: Revision | null
  readonly kind: Kind
  readonly also: ReadonlyArray<Revision>
}

/**
 * A body, without the field, and the stubs of its attachments.
 *
 * @since 0.1.0
 * @category model
 */
export interface Content {
  readonly body: JsonObject
  readonly files: JsonObject
}

/**
 * An ancestor in a journal: how to get back to its body from the one after it, and the hash of what comes out.
 *
 * @since 0.1.0
 * @category model
 */
export interface Entry {
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
 *
 * @since 0.1.0
 * @category model
 */
export interface Record {
  readonly kind: "edit" | "merge" | "delete"
  readonly parent: Revision | null
  readonly also: ReadonlyArray<Revision>
  readonly sum: string
  readonly k: number
  readonly edit: string | undefined
  readonly content: JsonObject | undefined
  readonly redact: ReadonlyArray<ReadonlyArray<string>>
  readonly path: ReadonlyArray<Entry>
  readonly names: ReadonlyArray<Link>
}

/**
 * The revision in which a buried one lives on.
 *
 * @since 0.1.0
 * @category model
 */
export type Into = Link

/**
 * The tombstone of a version that another one contains. It keeps what it buries: body and field as they were.
 *
 * @since 0.1.0
 * @category model
 */
export interface Burial {
  readonly of: Revision
  readonly ofParent: Revision | null
  readonly into: Into
  readonly content: JsonObject | undefined
  readonly field: Json | undefined
}

/**
 * What stands in a field: a record, a burial, one of a newer format, or nothing that this library wrote.
 *
 * @since 0.1.0
 * @category model
 */
export type Field =
  | { readonly _tag: "Record"; readonly record: Record }
  | { readonly _tag: "Burial"; readonly burial: Burial }
  | { readonly _tag: "Newer"; readonly parent: Option.Option<Revision> }
  | { readonly _tag: "None" }

/**
 * A version of the document `id` as a server has it: `path` is the revision and its ancestors as `_revisions` tells them, `body` the members
 * without CouchDB's own, the field among them.
 *
 * @since 0.1.0
 * @category model
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
 *
 * @since 0.1.0
 * @category model
 */
export type Tombstone = "burial" | "deletion" | "bare"

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
 *
 * @since 0.1.0
 * @category model
 */
export interface Knowledge {
  readonly settings: Settings
  readonly links: ReadonlyMap<Revision, Link>
  readonly parents: ReadonlyMap<Revision, Revision>
  readonly contents: ReadonlyMap<Revision, Content>
  readonly records: ReadonlyMap<Revision, Record>
  readonly tombstones: ReadonlyMap<Revision, Tombstone>
  readonly burials: ReadonlyMap<Revision, Burial>
  readonly disputed: ReadonlyMap<Revision, string>
  readonly newer: ReadonlySet<Revision>
}

/**
 * What versions of a document tell, the leaves among them and whatever older ones could be had. A field that does not
 * prove to be its revision's own is not believed: the revision is a foreign edit then.
 *
 * @since 0.1.0
 * @category constructors
 */
export const knowledge: (settings: Settings, versions: ReadonlyArray<Version>) => Knowledge =
  internalKnowledge.knowledge

/**
 * What heads are together: contents, and merges of them. A merge without a base has none for certain: its sides were made
 * apart from the start.
 *
 * @since 0.1.0
 * @category model
 */
export type Value =
  | { readonly _tag: "Content"; readonly rev: Revision }
  | { readonly _tag: "Merge"; readonly base: Value | undefined; readonly mine: Value; readonly theirs: Value }

/**
 * A leaf to bury, and where it lives on.
 *
 * @since 0.1.0
 * @category model
 */
export interface PlannedBurial {
  readonly of: Revision
  readonly into: Into
}

/**
 * What is to be done about the leaves of a document.
 *
 * - `Nothing`: one head, and nothing beside it
 * - `Bury`: one head, and leaves whose edits it has
 * - `Merge`: several heads, or one that was hidden; `value` says what of, `parent` and `also` what the merge names,
 *   `merged` the leaves that it takes in, `burials` those that were contained before
 * - `Unknown`: something is missing here that another replica may have; `rev` is what to look for
 *
 * @since 0.1.0
 * @category model
 */
export type Plan =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Bury"; readonly head: Revision; readonly burials: ReadonlyArray<PlannedBurial> }
  | {
    readonly _tag: "Merge"
    readonly parent: Revision
    readonly also: ReadonlyArray<Revision>
    readonly alive: boolean
    readonly value: Value
    readonly hidden: ReadonlyArray<Revision>
    readonly merged: ReadonlyArray<Revision>
    readonly burials: ReadonlyArray<PlannedBurial>
  }
  | {
    readonly _tag: "Unknown"
    readonly rev: Revision
    readonly why: string
    readonly parent: Revision
    readonly also: ReadonlyArray<Revision>
  }

/**
 * What is to be done, as a function of what is known alone.
 *
 * @since 0.1.0
 * @category planning
 */
export const plan: (knowledge: Knowledge, leaves: ReadonlyArray<Version>, rule: Rules["deleted"]) => Plan =
  internalPlan.plan

/**
 * A revision that is to be written. A tombstone carries its content in the record; `edit` makes two equal edits two, and a
 * merge has none.
 *
 * @since 0.1.0
 * @category model
 */
export interface Written {
  readonly kind: Record["kind"]
  readonly parent: Revision | null
  readonly also: ReadonlyArray<Revision>
  readonly content: Content
  readonly deleted: boolean
  readonly edit: string | undefined
}

/**
 * A merge as it will be stored: the heads that it takes in, `body` with the field, the stubs of its files in their order.
 *
 * @since 0.1.0
 * @category model
 */
export interface Stored {
  readonly parent: Revision | null
  readonly heads: ReadonlyArray<Revision>
  readonly deleted: boolean
  readonly body: JsonObject
  readonly files: JsonObject
}

/**
 * What a new revision says of itself, by what is known of its parent and of the other revisions that it contains.
 *
 * @since 0.1.0
 * @category writing
 */
export const recordOf: (knowledge: Knowledge, written: Written) => Record = journal.recordOf

/**
 * The record as JSON, its keys in canonical order.
 *
 * @since 0.1.0
 * @category writing
 */
export const encodeRecord: (record: Record) => JsonObject = record.encodeRecord

/**
 * The burial as JSON, its keys in canonical order.
 *
 * @since 0.1.0
 * @category writing
 */
export const encodeBurial: (burial: Burial) => JsonObject = record.encodeBurial

/**
 * A record or a burial as it is stored: with a `mac` (HMAC-SHA256, 128 bits in hex) where the settings have a key, and as
 * it is where they have none.
 *
 * @since 0.1.0
 * @category writing
 */
export const sealed: (settings: Settings, id: string, field: JsonObject) => JsonObject = mac.sealed

/**
 * What a field says, before anything of it is believed.
 *
 * @since 0.1.0
 * @category reading
 */
export const decodeField: (field: Json | undefined) => Field = record.decodeField

/**
 * The revision of a merge: a hash of everything that is stored, so that no two contents ever stand under one revision.
 *
 * @since 0.1.0
 * @category writing
 */
export const mergeRevision: (merge: Stored) => Revision = chosen.mergeRevision

/**
 * The text of a validation function by which a database takes merges and burials, and edits that name other versions than
 * their parent, from one role only, and from admins. A document that was deleted may be made anew by everybody, and a
 * record that a program carries along as it read it is let pass. It looks at no names of older versions: against
 * whoever writes false ones only `mac` helps.
 *
 * @example
 * import { DesignDocument, Lineage } from "effect-couchdb"
 *
 * const guarded = DesignDocument.make("lineage", { validate: Lineage.validation("resolver") })
 *
 * @since 0.1.0
 * @category validation
 */
export const validation: (role: string, options?: Options) => string = internalValidation.validation
