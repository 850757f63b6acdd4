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
 * How the documents of a collection keep their lineage. All writers of a collection should agree on them; where they do
 * not, nothing is merged wrongly, but more is written.
 *
 * - `field`: the member of the document that holds the record
 * - `depth`: how many ancestors of its own path a document can give back, each as a patch (8 KiB in all)
 * - `names`: how many further revisions of its history it names
 * - `keep`: whether tombstones keep the bodies that they bury or delete, or only names
 * - `redact`: paths that enter no journal and no tombstone; what both sides change there is an overlap
 * - `tombstone.keep`: top-level members that a tombstone repeats, so that filters which select by them let it pass
 * - `mac`: keys that records and burials are signed with. The first one signs, all are believed; where there are any, what
 *   was signed with none of them is not, and its revision is a foreign edit
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

/** A write as an operation wants it. */
export interface Writing {
  readonly database: DatabaseName
  readonly id: string
  /** The members to store; those of the document before, where it is deleted. */
  readonly raw: JsonObject
  readonly over: Option.Option<CurrentRevision>
  /** What was read, which is the current revision if nobody else wrote meanwhile. */
  readonly base: Option.Option<Base<unknown>>
  readonly kind: "edit" | "delete"
  /** What the tombstone says besides, where it is a delete. */
  readonly remains?: JsonObject | undefined
  /** The attachments that are written with it, where these are not those that stand. */
  readonly files?: JsonObject
}

/** What to store, over what. */
export interface Recorded {
  readonly body: JsonObject
  readonly over: Option.Option<CurrentRevision>
  /** The attachments that stay: a tombstone keeps them where it keeps the body. */
  readonly stubs: Option.Option<JsonObject>
  /** Writes a document that was deleted under a revision of its own, which no plain write could. */
  readonly anew?: Effect.Effect<Written, WireError, CouchHttp>
}

/**
 * Adds to a write the record of what it is made of. It comes with the settings, so that programs whose collections keep
 * no lineage do not carry its code.
 */
export type Recorder = (
  settings: Settings,
  writing: Writing
) => Effect.Effect<Recorded, InvalidIdError | WireError, CouchHttp>

/** What a write stores if the collection keeps no lineage. */
export const withoutLineage = (
  { kind, over, raw, remains }: Pick<Writing, "kind" | "over" | "raw" | "remains">
): Recorded =>
  kind === "delete"
    ? { body: remains ?? {}, over, stubs: Option.none() }
    : { body: raw, over, stubs: Option.flatMap(over, (current) => current.stubs) }

/** What a write stores, with its record if the collection keeps lineage. */
export const prepareWrite = (
  { database, lineage }: Pick<Bound<unknown>, "database" | "lineage">,
  writing: Omit<Writing, "database">
): Effect.Effect<Recorded, InvalidIdError | WireError, CouchHttp> =>
  lineage === undefined ? Effect.succeed(withoutLineage(writing)) : lineage[TypeId](lineage, { ...writing, database })
