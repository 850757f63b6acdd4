import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { currentAuth } from "../../http/currentAuth.js"
import type { UpdateQueues } from "../../http/serviceState.js"
import type { Document } from "../Document.js"
import { attempted } from "./attempt.js"
import { type Editing, type Kind, nameOf, sameKind, type Updated } from "./edit.js"

type Known = Document<unknown, unknown> | undefined

interface Place extends Kind {
  granted: boolean
  readonly grant: (known: Known) => void
}

type Queues = Map<string, Set<Place>>

/** Whose turn it is next. */
const release = (queues: Queues, name: string, kind: Kind, known: Known): void => {
  const queue = queues.get(name)
  for (const next of queue ?? []) {
    queue?.delete(next)
    next.granted = true
    next.grant(known !== undefined && sameKind(kind, next) ? known : undefined)
    return
  }
  queues.delete(name)
}

const enter = (queues: Queues, name: string, kind: Kind): Effect.Effect<Known> =>
  Effect.async((resume) => {
    const queue = queues.get(name)
    const place: Place = { ...kind, granted: queue === undefined, grant: (known) => resume(Effect.succeed(known)) }
    if (queue === undefined) {
      queues.set(name, new Set())
      place.grant(undefined)
    } else queue.add(place)
    return Effect.sync(() => {
      if (place.granted) release(queues, name, kind, undefined)
      else queue?.delete(place)
    })
  })

/**
 * One after the other, in the order in which they came. Whoever has waited goes on from the document that the one before
 * saved: that was the newest while it waited, and a rival's edit since then is a conflict like any other.
 */
export const queued = <A, R>(updates: UpdateQueues, editing: Editing<A, R>): Updated<A, R> =>
  Effect.withFiberRuntime((fiber) => {
    const queues = updates.queues as Queues
    const name = nameOf(editing)
    const kind: Kind = { collection: editing.collection, auth: fiber.getFiberRef(currentAuth) }
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(restore(enter(queues, name, kind)), (known) =>
        Effect.onExit(
          // Of the same collection, and so with the same body.
          restore(attempted(editing, known as Document<A, R> | undefined)),
          (exit) =>
            Effect.sync(() =>
              release(queues, name, kind, Exit.isSuccess(exit) ? exit.value as unknown as Known : undefined)
            )
        ))
    )
  })
