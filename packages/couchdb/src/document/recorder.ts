import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { InvalidIdError, Standing } from "../CouchError.js"
import type { DatabaseName } from "../data/DatabaseName.js"
import type { JsonObject } from "../data/Json.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp, Written } from "../http/CouchHttp.js"
import type { Settings, TypeId as Id } from "../lineage/Lineage.js"
import type { Base } from "./Document.js"

export const TypeId: Id = Symbol.for("effect-couchdb/Lineage") as Id

/** A write as an operation wants it. */
export interface Writing {
  readonly database: DatabaseName
  readonly id: string
  /** The members to store; those of the document before, where it is deleted. */
  readonly raw: JsonObject
  readonly over: Option.Option<Standing>
  /** What was read, which is what stands unless somebody else wrote meanwhile. */
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
  readonly over: Option.Option<Standing>
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
