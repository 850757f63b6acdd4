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
import { type Editing, isUnasked, type Updated } from "./edit.js"

/** Repeats the whole read, edit and save after each conflict; the last one says how often it was tried. */
export const untilSettled = <A, E, R>(
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

/** The document as the server has it; none where it is not there and need not be. */
const read = <A, R>(
  { collection, creates, id }: Pick<Editing<A, R>, "collection" | "id" | "creates">
): Effect.Effect<Option.Option<Document<A, R>>, FetchError, CouchHttp | R> =>
  creates
    ? fetchBoundOption(collection, id)
    : Effect.mapBoth(fetchBound(collection, id), { onFailure: asUpdate, onSuccess: Option.some })

/** One edit by itself: made on what is known, or on what is read. */
export const attempted = <A, R>(editing: Editing<A, R>, known: Document<A, R> | undefined): Updated<A, R> =>
  Effect.suspend(() => {
    // The fiber that saved it has its body too.
    let first = known === undefined ? undefined : value.own(known)
    const on = (doc: Option.Option<Document<A, R>>): Updated<A, R> =>
      Option.isSome(doc)
        ? save(value.modify(doc.value, (body) => editing.edit(Option.some(body))))
        : save(value.unsaved(editing.collection, editing.id, editing.edit(Option.none())))
    return untilSettled(
      Effect.suspend(() => {
        const doc = first
        first = undefined
        const onRead = Effect.flatMap(read(editing), on)
        // What was handed on may be old by now, which only a write finds out.
        return doc === undefined
          ? onRead
          : Effect.flatMap(on(Option.some(doc)), (saved) => isUnasked(doc, saved) ? onRead : Effect.succeed(saved))
      }),
      editing.options
    )
  })
