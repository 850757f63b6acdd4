import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { currentAuth } from "../../http/currentAuth.js"
import type { UpdateQueues } from "../../http/serviceState.js"
import type { Document } from "../Document.js"
import { updateAlone } from "./attempt.js"
import { type Editing, type Kind, nameOf, sameKind, type Updated } from "./edit.js"

type Known = Document<unknown, unknown> | undefined

interface Waiter extends Kind {
  granted: boolean
  readonly grant: (known: Known) => void
}

type Queues = Map<string, Set<Waiter>>

/** Grants the turn to the next waiter. */
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
    const waiter: Waiter = { ...kind, granted: queue === undefined, grant: (known) => resume(Effect.succeed(known)) }
    if (queue === undefined) {
      queues.set(name, new Set())
      waiter.grant(undefined)
    } else queue.add(waiter)
    return Effect.sync(() => {
      if (waiter.granted) release(queues, name, kind, undefined)
      else queue?.delete(waiter)
    })
  })

/**
 * Runs updates of one document one after the other, in the order in which they arrive. An update that has waited
 * continues with the document that the previous one saved. If another client edited it since then, the result is an
 * ordinary conflict.
 */
export const queued = <A, R>(updates: UpdateQueues, editing: Editing<A, R>): Updated<A, R> =>
  Effect.withFiberRuntime((fiber) => {
    const queues = updates.queues as Queues
    const name = nameOf(editing)
    const kind: Kind = { collection: editing.collection, auth: fiber.getFiberRef(currentAuth) }
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(restore(enter(queues, name, kind)), (known) =>
        Effect.onExit(
          // Both updates have the same collection, so the body has the same type.
          restore(updateAlone(editing, known as Document<A, R> | undefined)),
          (exit) =>
            Effect.sync(() =>
              release(queues, name, kind, Exit.isSuccess(exit) ? exit.value as unknown as Known : undefined)
            )
        ))
    )
  })
