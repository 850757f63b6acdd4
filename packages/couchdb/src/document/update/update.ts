import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import { CouchHttp } from "../../http/CouchHttp.js"
import { stateOf } from "../../http/serviceState.js"
import type { Bound, Collection } from "../Collection.js"
import type { Document, FetchError, SaveError, Tombstone, UpdateOptions } from "../Document.js"
import type * as Edit from "../Edit.js"
import type { ConflictError } from "../errors.js"
import { onCollection } from "../makeCollection.js"
import { asUpdate, fetchBound } from "../read.js"
import { removeKeeping, removeOver } from "../remove.js"
import * as value from "../value.js"
import { save } from "../write.js"
import { retryConflicts, updateAlone } from "./attempt.js"
import { combined } from "./combined.js"
import type { Editing, Updated } from "./edit.js"
import { queued } from "./queued.js"

/** Makes the edit after the ones that are running through the same service. */
const edited = <A, R>(editing: Editing<A, R>): Updated<A, R> =>
  Effect.withFiberRuntime((fiber) => {
    const updates = stateOf(Context.unsafeGet(fiber.currentContext, CouchHttp))?.updates
    return updates === undefined
      ? updateAlone(editing, undefined)
      : updates.combineScope === undefined
      ? queued(updates, editing)
      : combined(updates, updates.combineScope, editing)
  })

/** The failure of the edit itself, which the update passes on without a retry. */
class EditFailure<E> {
  constructor(readonly error: E) {}
}

type UpdateEffect<A, R> = Updated<A, R>

export const update = dual<
  <K, A>(
    id: K,
    f: (body: A) => A,
    options?: UpdateOptions
  ) => <I, R>(collection: Collection<A, I, R, K>) => UpdateEffect<A, R>,
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: K,
    f: (body: A) => A,
    options?: UpdateOptions
  ) => UpdateEffect<A, R>
>(onCollection, <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  id: K,
  f: (body: A) => A,
  options?: UpdateOptions
): UpdateEffect<A, R> =>
  edited({
    collection: collection as Bound<A, R>,
    id: collection.id.encode(id),
    // The update fails before this if the document does not exist.
    edit: (body) => f(Option.getOrThrow(body)),
    creates: false,
    options
  }))

type Settled<A, R, E, R2> = Effect.Effect<
  Document<A, R> | Tombstone<A, R>,
  E | FetchError | SaveError<A, R> | ConflictError<A, R, Tombstone<A, R>>,
  CouchHttp | R | R2
>

const apply = <A, R>(
  doc: Document<A, R>,
  edit: Edit.Edit<A>
): Settled<A, R, never, never> =>
  edit._tag === "Keep"
    // If the edit keeps the document, its changes in place are dropped.
    ? Effect.succeed(value.isDirty(doc) ? value.discard(doc) : doc)
    : edit._tag === "Change"
    ? save(value.modify(doc, () => edit.body))
    // A document just read is neither dirty nor unsaved.
    : edit.keep === undefined
    ? removeOver(doc, doc.base)
    : removeKeeping(doc, doc.base, edit.keep)

export const updateEffect = dual<
  <K, A, E2, R2>(
    id: K,
    f: (body: A) => Effect.Effect<Edit.Edit<A>, E2, R2>,
    options?: UpdateOptions
  ) => <I, R>(collection: Collection<A, I, R, K>) => Settled<A, R, E2, R2>,
  <A, I, R, K, E2, R2>(
    collection: Collection<A, I, R, K>,
    id: K,
    f: (body: A) => Effect.Effect<Edit.Edit<A>, E2, R2>,
    options?: UpdateOptions
  ) => Settled<A, R, E2, R2>
>(onCollection, <A, I, R, K, E2, R2>(
  collection: Collection<A, I, R, K>,
  id: K,
  f: (body: A) => Effect.Effect<Edit.Edit<A>, E2, R2>,
  options?: UpdateOptions
): Settled<A, R, E2, R2> =>
  retryConflicts(
    Effect.flatMap(
      Effect.mapError(fetchBound(collection as Bound<A, R>, collection.id.encode(id)), asUpdate),
      (doc) =>
        Effect.flatMap(
          Effect.mapError(f(doc.body), (error) => new EditFailure(error)),
          (edit) => apply(doc, edit)
        )
    ),
    options
  ).pipe(Effect.mapError((error) => error instanceof EditFailure ? error.error : error)))

export const upsert = dual<
  <K, A>(
    id: K,
    f: (body: Option.Option<A>) => A,
    options?: UpdateOptions
  ) => <I, R>(collection: Collection<A, I, R, K>) => UpdateEffect<A, R>,
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: K,
    f: (body: Option.Option<A>) => A,
    options?: UpdateOptions
  ) => UpdateEffect<A, R>
>(onCollection, <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  id: K,
  f: (body: Option.Option<A>) => A,
  options?: UpdateOptions
): UpdateEffect<A, R> =>
  edited({
    collection: collection as Bound<A, R>,
    id: collection.id.encode(id),
    edit: f,
    creates: true,
    options
  }))
