import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Redacted } from "effect/Redacted"
import type { DatabaseName } from "../data/DatabaseName.js"
import type { InvalidIdError } from "../data/errors.js"
import type { JsonObject } from "../data/Json.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp, Written } from "../http/CouchHttp.js"
import type { Bound } from "./Collection.js"
import type { Base } from "./Document.js"
import type { CurrentRevision } from "./errors.js"

/**
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = Symbol.for("effect-couchdb/Lineage")

/**
 * @since 0.1.0
 * @category symbols
 */
export type TypeId = typeof TypeId

/**
 * The lineage settings of a collection. All writers of a collection should use the same ones. If they do not, no merge
 * is wrong, but more is written.
 *
 * - `field`: the member of the document that contains the record
 * - `depth`: the maximum number of ancestors on its own path that a document can restore, each as a patch (8 KiB in
 *   all)
 * - `names`: the number of further revisions of its history that the record lists
 * - `keep`: whether tombstones keep the bodies that they replace or delete, or only names
 * - `redact`: paths that no journal and no tombstone contains; changes of both sides at these paths are an overlap
 * - `tombstone.keep`: top-level members that a tombstone repeats, so that filters on them select it
 * - `mac`: the keys that sign records and merge tombstones. The first one signs, and all verify. If there are keys, a record
 *   that none of them verifies is ignored, and its revision is a foreign edit
 *
 * @since 0.1.0
 * @category model
 */
export interface Settings {
  readonly [TypeId]: Recorder
  readonly field: string
  readonly depth: number
  readonly names: number
  readonly keep: "bodies" | "names"
  readonly redact: ReadonlyArray<ReadonlyArray<string>>
  readonly tombstone: { readonly keep: ReadonlyArray<string> }
  readonly mac: ReadonlyArray<Redacted>
}

/** A write of an operation. */
export interface Writing {
  readonly database: DatabaseName
  readonly id: string
  /** The members to store, or those of the previous document if it is deleted. */
  readonly raw: JsonObject
  readonly over: Option.Option<CurrentRevision>
  /** The version that was read, which is the current revision unless another client wrote in the meantime. */
  readonly base: Option.Option<Base<unknown>>
  readonly kind: "edit" | "delete"
  /** Additional members of the tombstone, for a delete. */
  readonly remains?: JsonObject | undefined
  /** The attachments that are written with it, if they differ from the stored ones. */
  readonly files?: JsonObject
}

/** The body to store, and the revision that it replaces. */
export interface Recorded {
  readonly body: JsonObject
  readonly over: Option.Option<CurrentRevision>
  /** The attachments to keep: a tombstone keeps them if it keeps the body. */
  readonly stubs: Option.Option<JsonObject>
  /** Writes a deleted document under a chosen revision, which a normal write cannot do. */
  readonly recreate?: Effect.Effect<Written, WireError, CouchHttp>
}

/**
 * Adds the lineage record to a write. It is part of the settings, so that programs without lineage do not bundle its
 * code.
 */
export type Recorder = (
  settings: Settings,
  writing: Writing
) => Effect.Effect<Recorded, InvalidIdError | WireError, CouchHttp>

/** The write of a collection without lineage. */
export const withoutLineage = (
  { kind, over, raw, remains }: Pick<Writing, "kind" | "over" | "raw" | "remains">
): Recorded =>
  kind === "delete"
    ? { body: remains ?? {}, over, stubs: Option.none() }
    : { body: raw, over, stubs: Option.flatMap(over, (current) => current.stubs) }

/** The write of a collection, with its record if the collection has lineage. */
export const prepareWrite = (
  { database, lineage }: Pick<Bound<unknown>, "database" | "lineage">,
  writing: Omit<Writing, "database">
): Effect.Effect<Recorded, InvalidIdError | WireError, CouchHttp> =>
  lineage === undefined ? Effect.succeed(withoutLineage(writing)) : lineage[TypeId](lineage, { ...writing, database })
