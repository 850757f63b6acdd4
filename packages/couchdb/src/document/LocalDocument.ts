/**
 * Local documents: documents with `_local/` ids, which stay on their server, are not replicated, and have no conflict
 * detection. The last write wins, so they suit checkpoints and settings of one writer.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Option from "effect/Option"
import type { InvalidIdError } from "../data/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import type { Collection } from "./Collection.js"
import type { Takes } from "./Document.js"
import type { DecodeError, EncodeError } from "./errors.js"
import * as internal from "./localDocuments.js"
import { onCollection } from "./makeCollection.js"

/**
 * A local document. `id` does not include `_local/`. `rev` looks like `"0-1"`, and the server does not check it.
 *
 * @since 0.1.0
 * @category model
 */
export interface LocalDocument<out A> {
  readonly id: string
  readonly rev: string
  readonly body: A
}

/**
 * Reads a local document: `GET /{db}/_local/{id}`. The id does not include `_local/`.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection, LocalDocument } from "effect-couchdb"
 *
 * const checkpoints = Collection.make("zoo", Schema.Struct({ since: Schema.String }))
 *
 * const program = LocalDocument.fetch(checkpoints, "indexer")
 *
 * @since 0.1.0
 * @category operations
 */
export const fetch: {
  <K>(id: K): <A, I, R>(
    collection: Collection<A, I, R, K>
  ) => Effect.Effect<LocalDocument<A>, NotFoundError | DecodeError | InvalidIdError | RequestError, CouchHttp | R>
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: NoInfer<K>
  ): Effect.Effect<LocalDocument<A>, NotFoundError | DecodeError | InvalidIdError | RequestError, CouchHttp | R>
} = dual(onCollection, internal.fetch)

/**
 * Reads a local document, or returns `None` if it does not exist: `GET /{db}/_local/{id}`.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection, LocalDocument } from "effect-couchdb"
 *
 * const checkpoints = Collection.make("zoo", Schema.Struct({ since: Schema.String }))
 *
 * const program = LocalDocument.fetchOption(checkpoints, "indexer")
 *
 * @since 0.1.0
 * @category operations
 */
export const fetchOption: {
  <K>(id: K): <A, I, R>(
    collection: Collection<A, I, R, K>
  ) => Effect.Effect<
    Option.Option<LocalDocument<A>>,
    NotFoundError | DecodeError | InvalidIdError | RequestError,
    CouchHttp | R
  >
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: NoInfer<K>
  ): Effect.Effect<
    Option.Option<LocalDocument<A>>,
    NotFoundError | DecodeError | InvalidIdError | RequestError,
    CouchHttp | R
  >
} = dual(
  onCollection,
  <A, I, R, K>(collection: Collection<A, I, R, K>, id: K) =>
    internal.fetch(collection, id).pipe(
      Effect.asSome,
      Effect.catchIf(
        (error) => error._tag === "NotFoundError" && (error.reason === "missing" || error.reason === "deleted"),
        () => Effect.succeedNone
      )
    )
)

/**
 * Writes a local document, and replaces an existing one: `PUT /{db}/_local/{id}`. The body replaces the whole document,
 * including members that the schema does not declare.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection, LocalDocument } from "effect-couchdb"
 *
 * const checkpoints = Collection.make("zoo", Schema.Struct({ since: Schema.String }))
 *
 * const program = LocalDocument.save(checkpoints, "indexer", { since: "12-abc" })
 *
 * @since 0.1.0
 * @category operations
 */
export const save: {
  <K, const B>(id: K, body: B): <A, I, R>(
    collection: Collection<A, I, R, K> & Takes<B, A>
  ) => Effect.Effect<LocalDocument<A>, NotFoundError | EncodeError | InvalidIdError | RequestError, CouchHttp | R>
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: NoInfer<K>,
    body: NoInfer<A>
  ): Effect.Effect<LocalDocument<A>, NotFoundError | EncodeError | InvalidIdError | RequestError, CouchHttp | R>
} = dual(onCollection, internal.save)

const delete_: {
  <K>(id: K): <A, I, R>(
    collection: Collection<A, I, R, K>
  ) => Effect.Effect<void, NotFoundError | InvalidIdError | RequestError, CouchHttp>
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: NoInfer<K>
  ): Effect.Effect<void, NotFoundError | InvalidIdError | RequestError, CouchHttp>
} = dual(onCollection, internal.remove)
export {
  /**
   * Deletes a local document: `DELETE /{db}/_local/{id}`.
   *
   * @example
   * import { Schema } from "effect"
   * import { Collection, LocalDocument } from "effect-couchdb"
   *
   * const checkpoints = Collection.make("zoo", Schema.Struct({ since: Schema.String }))
   *
   * const program = LocalDocument.delete(checkpoints, "indexer")
   *
   * @since 0.1.0
   * @category operations
   */
  delete_ as delete
}
