/** Runs a history on both servers, and shrinks one that they answer differently. */
import type { TransportError } from "effect-couchdb/CouchError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Answer, Target } from "./side.js"
import { ofEngine, ofServer, within } from "./side.js"
import type { Step } from "./steps.js"

export interface Found {
  /** The history whose last step has different responses. */
  readonly history: ReadonlyArray<Step>
  readonly server: Answer
  readonly engine: Answer
}

export type Compare = (steps: ReadonlyArray<Step>, kind: string) => Effect.Effect<Found | undefined, TransportError>

const urlOf = ({ admin }: Target, host: string): string =>
  `http://${
    admin === undefined ? "" : `${encodeURIComponent(admin.username)}:${encodeURIComponent(admin.password)}@`
  }${host}`

/** The first difference, in a temporary database. */
export const make = (target: Target, seed: number): Compare => {
  const server = ofServer(target)
  return (steps, kind) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const name = `differential-${process.pid}-${now}-${Math.random().toString(36).slice(2)}`
      return Effect.acquireUseRelease(
        // One shard, because changes of several shards arrive in any order.
        server("PUT", `/${name}?${kind}`, {}, undefined),
        () =>
          Effect.gen(function*() {
            const embedded = yield* ofEngine(target, seed)
            yield* embedded("PUT", `/${name}?${kind}`, {}, undefined)
            const [left, right] = [
              within(server, name, urlOf(target, target.origin.host)),
              within(embedded, name, urlOf(target, "embedded"))
            ]
            for (const [index, step] of steps.entries()) {
              const answers = { server: yield* left(step), engine: yield* right(step) }
              if (answers.server.status !== answers.engine.status || answers.server.text !== answers.engine.text) {
                return { history: steps.slice(0, index + 1), ...answers }
              }
            }
            return undefined
          }),
        () =>
          Effect.zipRight(
            Effect.ignore(server("DELETE", `/${name}`, {}, undefined)),
            Effect.ignore(server("DELETE", `/${name}-copy`, {}, undefined))
          )
      )
    })
}

/** Removes ever smaller parts of the history while the last step still differs. */
export const shrink = (
  compare: Compare,
  found: Found,
  kind: string,
  milliseconds: number
): Effect.Effect<Found, TransportError> =>
  Effect.gen(function*() {
    const end = (yield* Clock.currentTimeMillis) + milliseconds
    let best = found
    for (let size = best.history.length >> 1; size >= 1; size >>= 1) {
      for (let from = 0; from + size < best.history.length;) {
        if ((yield* Clock.currentTimeMillis) > end) return best
        const shorter = [...best.history.slice(0, from), ...best.history.slice(from + size)]
        const again = yield* compare(shorter, kind)
        if (again?.history.length === shorter.length) best = again
        else from += size
      }
    }
    return best
  })
