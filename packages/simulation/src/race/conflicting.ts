import { Document } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { empty, policyOf } from "../world/card.js"
import { edit } from "../world/edits.js"
import { makeTruth, type Truth } from "../world/groundTruth.js"
import {
  embeddedWorld,
  id,
  type Leaf,
  leavesAt,
  noHook,
  type Replica,
  withHook,
  writeLeaves
} from "../world/replicas.js"
import { type Counts, resolve } from "../world/resolver.js"
import { noTrouble, type Step, stepsOf } from "../world/steps.js"

/** Conflicting leaves of one document, and the edits that each of them really contains. */
export interface Conflict {
  readonly truth: Truth
  readonly leaves: ReadonlyArray<Leaf>
}

const replicas = 3
const steps = 14

/**
 * A document that three replicas edited, replicated and merged, partly with crashed resolvers. At the end, each replica
 * edits it once more, so that it has at least three live leaves, some of them criss-cross merges.
 */
export const makeConflict = (seed: number): Effect.Effect<Conflict> =>
  Effect.gen(function*() {
    const world = yield* embeddedWorld(seed, Array.from({ length: replicas }, () => ({})))
    const truth = makeTruth()
    const counts: Counts = { writes: 0, resolutions: 0, contents: new Map(), twoContents: 0, unseen: 0 }
    const [first, ...others] = world.replicas
    if (first === undefined) return { truth, leaves: [] }
    const made = yield* withHook(first, noHook, Effect.orDie(Document.create(first.cards, id, empty)))
    truth.wrote(Option.getOrElse(made.rev, () => ""), { edits: new Set(), given: new Set() })
    const meet = (from: Replica, to: Replica) => Effect.flatMap(leavesAt(from), (leaves) => writeLeaves(to, leaves))
    for (const other of others) yield* meet(first, other)

    const one = (step: Step): Effect.Effect<unknown> => {
      const here = world.replicas[step.here]
      const there = world.replicas[step.there]
      if (here === undefined || there === undefined) return Effect.void
      switch (step.kind) {
        case "edit":
          return edit(truth, here, step, 1)
        case "replicate":
          return here === there ? Effect.void : meet(here, there)
        case "resolve":
          return resolve(truth, counts, here, policyOf("greater"), { crashes: (step.dice[0] ?? 0) < 700 })
        default:
          return Effect.void
      }
    }
    const thrown = stepsOf(seed, steps + replicas, replicas, noTrouble)
    yield* Effect.forEach(thrown.slice(0, steps), one)
    yield* Effect.forEach(thrown.slice(steps), (step, here) => one({ ...step, kind: "edit", here }))
    const leaves = (yield* Effect.forEach(world.replicas, (replica) => leavesAt(replica))).flat()
    return { truth, leaves: Array.from(new Map(leaves.map((leaf) => [leaf.rev, leaf])).values()) }
  }).pipe(Effect.withRandom(Random.make(`conflicted ${seed}`)))
