import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import { conflictBackoff } from "../../http/backoff.js"
import type { CouchHttp } from "../../http/CouchHttp.js"
import { type AnyConflict, isConflict, withAttempts } from "../conflictError.js"
import type { Document, FetchError, UpdateOptions } from "../Document.js"
import { asUpdate, fetchBound, fetchBoundOption } from "../read.js"
import * as value from "../value.js"
import { save } from "../write.js"
import { type Editing, sentNothing, type Updated } from "./edit.js"

/** Repeats the whole read, edit and save after each conflict. The last conflict contains the number of attempts. */
export const retryConflicts = <A, E, R>(
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
      schedule: (options?.schedule ?? conflictBackoff(50)) as Schedule.Schedule<unknown, unknown>,
      while: isConflict
    }).pipe(Effect.mapError((error) => isConflict(error) ? withAttempts(error, attempts) as E & AnyConflict : error))
  })

/** Reads the stored document; `None` if it does not exist and the edit creates it. */
const read = <A, R>(
  { collection, creates, id }: Pick<Editing<A, R>, "collection" | "id" | "creates">
): Effect.Effect<Option.Option<Document<A, R>>, FetchError, CouchHttp | R> =>
  creates
    ? fetchBoundOption(collection, id)
    : Effect.mapBoth(fetchBound(collection, id), { onFailure: asUpdate, onSuccess: Option.some })

/** Makes one edit, on `known` if it is given, otherwise on the document that it reads. */
export const updateAlone = <A, R>(editing: Editing<A, R>, known: Document<A, R> | undefined): Updated<A, R> =>
  Effect.suspend(() => {
    // The fiber that saved the document shares its body.
    let first = known === undefined ? undefined : value.own(known)
    const on = (doc: Option.Option<Document<A, R>>): Updated<A, R> =>
      Option.isSome(doc)
        ? save(value.modify(doc.value, (body) => editing.edit(Option.some(body))))
        : save(value.unsaved(editing.collection, editing.id, editing.edit(Option.none())))
    return retryConflicts(
      Effect.suspend(() => {
        const doc = first
        first = undefined
        const onRead = Effect.flatMap(read(editing), on)
        // The handed-over document may be out of date, which only a write detects.
        return doc === undefined
          ? onRead
          : Effect.flatMap(on(Option.some(doc)), (saved) => sentNothing(doc, saved) ? onRead : Effect.succeed(saved))
      }),
      editing.options
    )
  })
