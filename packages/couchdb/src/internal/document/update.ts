import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type { Bound, Collection } from "../../Collection.js"
import { isCollection } from "../../Collection.js"
import type { ConflictError } from "../../CouchError.js"
import type { CouchHttp } from "../../CouchHttp.js"
import type { Document, FetchError, SaveError, Tombstone, UpdateOptions } from "../../Document.js"
import type * as Edit from "../../Edit.js"
import { type AnyConflict, isConflict, withAttempts } from "../conflict/errors.js"
import { patience } from "../patience.js"
import { fetchBound, fetchBoundOption } from "./read.js"
import * as value from "./value.js"
import { removeOver, save } from "./write.js"

/** Repeats the whole read, edit and save after each conflict; the last one says how often it was tried. */
const untilSettled = <A, E, R>(
  attempt: Effect.Effect<A, E, R>,
  options: UpdateOptions | undefined
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let attempts = 0
    const counted = Effect.suspend(() => {
      attempts++
      return attempt
    })
    return Effect.retry(counted, {
      schedule: (options?.schedule ?? patience(50)) as Schedule.Schedule<unknown, unknown>,
      while: isConflict
    }).pipe(Effect.mapError((error) => isConflict(error) ? withAttempts(error, attempts) as E & AnyConflict : error))
  })

/** What the edit itself failed with: no business of the update's, whatever it is. */
class EditFailure<E> {
  constructor(readonly error: E) {}
}

type UpdateEffect<A, R> = Effect.Effect<Document<A, R>, FetchError | SaveError<A, R>, CouchHttp | R>

const onCollection = (args: IArguments): boolean => isCollection(args[0])

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
  untilSettled(
    Effect.flatMap(
      fetchBound(collection as Bound<A, R>, collection.id.encode(id)),
      (doc): UpdateEffect<A, R> => save(value.modify(doc, f))
    ),
    options
  ))

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
    ? Effect.succeed(doc)
    : edit._tag === "Change"
    ? save(value.modify(doc, () => edit.body))
    // A document just read is neither dirty nor unsaved.
    : removeOver(doc, doc.base)

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
  untilSettled(
    Effect.flatMap(
      fetchBound(collection as Bound<A, R>, collection.id.encode(id)),
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
): UpdateEffect<A, R> => {
  const key = collection.id.encode(id)
  return untilSettled(
    Effect.flatMap(
      fetchBoundOption(collection as Bound<A, R>, key),
      Option.match({
        onNone: (): UpdateEffect<A, R> => save(value.unsaved(collection, key, f(Option.none()))),
        onSome: (doc): UpdateEffect<A, R> => save(value.modify(doc, (body) => f(Option.some(body))))
      })
    ),
    options
  )
})
