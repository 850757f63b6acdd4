/**
 * Lineage makes merges exact among replicas: the merge commits that CouchDB does not have.
 *
 * A revision has one parent, so CouchDB cannot record that a merged revision also contains its losers. Two resolvers
 * that saw different leaves then count edits twice when their results meet. A collection with lineage keeps one more
 * field in each document. It records what every revision is made of, and tombstones of merged versions keep their
 * content.
 *
 * Forgotten history may turn a merge into manual review, but never into another value.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { InvalidIdError } from "../data/errors.js"
import type { Revision } from "../data/Revision.js"
import type { Collection } from "../document/Collection.js"
import type { Document, FetchError } from "../document/Document.js"
import type { Settings } from "../document/recorder.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import type { Options } from "./settings.js"
import * as internalSettings from "./settings.js"
import * as tombstones from "./tombstones.js"
import type { Erased, MergedVersion } from "./tombstones.js"
import * as internalValidation from "./validation.js"
import * as internalWarnings from "./warnings.js"

export { type Settings, TypeId } from "../document/recorder.js"

export { type Options } from "./settings.js"

export { type Erased, type MergedVersion } from "./tombstones.js"

/**
 * Switches lineage on, as an option of `Collection.make`. Programs without lineage do not bundle its code.
 *
 * Defaults: field `lineage`, 16 ancestors, 128 names, tombstones with bodies, nothing redacted, nothing signed. Throws
 * a `RangeError` if the name of the field begins with an underscore, which CouchDB reserves, if a number is out of
 * range, or if a key is empty.
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
 * The source of a validation function that lets only one role, and admins, write merges, tombstones of merged versions,
 * and edits that name more versions than their parent. Every user may re-create a deleted document, and write an
 * unchanged record. The function does not check the names of older versions. Only `mac` protects against forged ones.
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

/**
 * Lists the versions of a document that were merged into others and have a tombstone.
 *
 * Endpoints: `POST /{db}/_changes`, `POST /{db}/_bulk_get`.
 *
 * @since 0.1.0
 * @category tombstones
 */
export const mergedVersions: <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  id: NoInfer<K>
) => Effect.Effect<ReadonlyArray<MergedVersion>, NotFoundError | InvalidIdError | RequestError, CouchHttp> =
  tombstones.mergedVersions

/**
 * Restores a merged version from its tombstone. Use it if a merge claims to contain the version and does not, by
 * mistake or because it is forged. The edits of that version become a sibling of the current revision again, which the
 * next `Conflict.resolve` merges. After a correct merge they would count twice. Fails with `NotFoundError` if the
 * tombstone does not exist or keeps no body.
 *
 * Endpoints: `POST /{db}/_changes`, `POST /{db}/_bulk_get`, `POST /{db}/_bulk_docs`.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Lineage } from "effect-couchdb"
 *
 * const cards = Collection.make("office", Schema.Struct({ name: Schema.String }), { lineage: Lineage.settings() })
 *
 * const first = Effect.gen(function*() {
 *   const [merged] = yield* Lineage.mergedVersions(cards, "ada")
 *   return merged === undefined ? undefined : yield* Lineage.restoreVersion(cards, "ada", merged.rev)
 * })
 *
 * @since 0.1.0
 * @category tombstones
 */
export const restoreVersion: <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  id: NoInfer<K>,
  rev: Revision
) => Effect.Effect<Document<A, R>, FetchError | RequestError, CouchHttp | R> = tombstones.restoreVersion

/**
 * Removes bodies and journals from the tombstones of a document's merged versions, and returns how many it changed. The
 * names remain, so that merges stay exact. A version that arrives later from a replica that was offline may then need
 * manual review, so call it only for documents older than the longest time that a replica is offline.
 *
 * Endpoints: `POST /{db}/_changes`, `POST /{db}/_bulk_get`, `POST /{db}/_bulk_docs`.
 *
 * @since 0.1.0
 * @category tombstones
 */
export const stripTombstones: <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  id: NoInfer<K>
) => Effect.Effect<number, NotFoundError | InvalidIdError | RequestError, CouchHttp> = tombstones.stripTombstones

/**
 * Deletes a document together with everything that its tombstones and journals keep: each leaf gets a tombstone with
 * names only, and the database is compacted. Other replicas remove the content after they have replicated and are
 * compacted. Backups do not change.
 *
 * Endpoints: `POST /{db}/_changes`, `POST /{db}/_bulk_get`, `POST /{db}/_bulk_docs`, `POST /{db}/_compact`.
 *
 * @since 0.1.0
 * @category tombstones
 */
export const erase: <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  id: NoInfer<K>
) => Effect.Effect<Erased, NotFoundError | InvalidIdError | RequestError, CouchHttp> = tombstones.erase

/**
 * Checks whether a database keeps enough history for the lineage of a collection. Returns one sentence for each
 * problem, such as a `_revs_limit` below twice the depth.
 *
 * Endpoint: `GET /{db}/_revs_limit`.
 *
 * @since 0.1.0
 * @category validation
 */
export const warnings: <A, I, R, K>(
  collection: Collection<A, I, R, K>
) => Effect.Effect<ReadonlyArray<string>, NotFoundError | InvalidIdError | RequestError, CouchHttp> =
  internalWarnings.databaseWarnings
