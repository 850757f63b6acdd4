import { Document, type Lineage } from "effect-couchdb"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import { empty, policyOf } from "../world/card.js"
import { edit, equalEdits, foreign, forge, recreate, remove } from "../world/edits.js"
import { makeTruth, together, type Truth, visible } from "../world/groundTruth.js"
import {
  ask,
  embedded,
  id,
  type Leaf,
  leavesAt,
  type Replica,
  store,
  through,
  untouched,
  type World
} from "../world/replicas.js"
import { type Counts, resolve, same } from "../world/resolver.js"
import type { Experiment, Step } from "../world/steps.js"
import { check, type Findings } from "./check.js"

export interface Outcome extends Findings {
  readonly writes: number
  readonly resolutions: number
  readonly rounds: number
  /** How many edits were visible on a replica before a resolution, and not after it. */
  readonly unseen: number
}

const depthOf = (i: number, trouble: Experiment): number => trouble.depths ? [16, 2, 8, 1, 4][i % 5] ?? 16 : 16

export const settingsOf = (i: number, trouble: Experiment): Lineage.Options =>
  withoutRules({
    depth: depthOf(i, trouble),
    keep: trouble.names ? "names" : "bodies",
    mac: trouble.forgeries ? [Redacted.make("the replicas' key")] : []
  }, trouble.without)

/** The private key under which the library finds disabled rules. */
const key = Symbol.for("effect-couchdb/lineage/without")

export const withoutRules = (options: Lineage.Options, without: ReadonlySet<number> = new Set()): Lineage.Options =>
  without.size === 0 ? options : Object.assign({}, options, { [key]: without })

const isMerge = ({ doc }: Leaf): boolean => (doc["lineage"] as { readonly kind?: string } | undefined)?.kind === "merge"

/** Whether the first replica rejects a merge. It depends on the revision only. */
const refuses = ({ rev }: Leaf): boolean => parseInt(rev.slice(-2), 16) % 10 < 3

const replicate = (
  world: World,
  trouble: Experiment,
  from: Replica,
  to: Replica,
  dice: ReadonlyArray<number>
): Effect.Effect<void> =>
  world.replicate !== undefined ? world.replicate(from, to) : Effect.flatMap(leavesAt(from), (leaves) =>
    store(
      to,
      leaves.filter((leaf, i) =>
        !(trouble.refusals && to === world.replicas[0] && isMerge(leaf) && refuses(leaf)) &&
        !(trouble.filtered && from === world.replicas[1] && leaf.deleted) &&
        !(trouble.lostLeaves && dice.length > 0 && (dice[i % dice.length] ?? 0) < 300)
      )
    ))

const isBurial = ({ deleted, doc }: Leaf): boolean =>
  deleted && (doc["lineage"] as { readonly kind?: string } | undefined)?.kind === "burial"

/** If replicas take more rounds, they do not converge. */
const mostRounds = 12

/** Runs the steps in a world without the document. */
export const historyIn = (world: World, steps: ReadonlyArray<Step>, trouble: Experiment): Effect.Effect<Outcome> =>
  Effect.gen(function*() {
    const truth = makeTruth()
    const counts: Counts = { writes: 0, resolutions: 0, contents: new Map(), twoContents: 0, unseen: 0 }
    const policies = world.replicas.map((_, i) => policyOf(trouble.policies && i % 2 === 1 ? "lesser" : "greater"))
    yield* begin(world, truth, trouble)
    const waiting: Array<{ readonly gate: Deferred.Deferred<void>; readonly fiber: Fiber.Fiber<unknown> }> = []
    const policyAt = (replica: Replica) => policies[world.replicas.indexOf(replica)] ?? policyOf("greater")
    const version = (replica: Replica): number => trouble.versions && replica === world.replicas[2] ? 2 : 1

    const isUnwelcome = (replica: Replica): boolean => trouble.unwelcome === true && replica === world.replicas[0]

    const seenAt = (replica: Replica): Effect.Effect<ReadonlyArray<string>> =>
      Effect.map(
        leavesAt(replica),
        (leaves) => visible(together(leaves.filter(({ deleted }) => !deleted).map(({ rev }) => truth.of(rev))))
      )

    const watched = (replica: Replica, resolution: Effect.Effect<unknown>): Effect.Effect<void> =>
      trouble.unwelcome !== true ? Effect.asVoid(resolution) : Effect.gen(function*() {
        const before = yield* seenAt(replica)
        yield* resolution
        const after = new Set(yield* seenAt(replica))
        counts.unseen += before.filter((edit) => !after.has(edit)).length
      })

    const one = (step: Step): Effect.Effect<void> =>
      Effect.gen(function*() {
        const here = world.replicas[step.here]
        const there = world.replicas[step.there]
        if (here === undefined || there === undefined) return
        const die = step.dice[0] ?? 0
        switch (step.kind) {
          case "edit":
            return yield* edit(truth, here, step, version(here))
          case "foreign":
            return yield* foreign(truth, here, step, trouble.foreign === "keep")
          case "delete":
            return yield* remove(truth, here, step)
          case "recreate":
            return yield* recreate(truth, here, step)
          case "replicate":
            return here === there ? undefined : yield* replicate(world, trouble, here, there, step.dice)
          case "resolve":
            if (version(here) !== 1) return
            return yield* watched(
              here,
              resolve(truth, counts, here, policyAt(here), { crashes: die < 700, unwelcome: isUnwelcome(here) })
            )
          case "slow": {
            if (version(here) !== 1) return
            const gate = yield* Deferred.make<void>()
            const fiber = yield* Effect.fork(
              resolve(truth, counts, here, policyAt(here), { crashes: die < 350, gate })
            )
            // The resolver reads now, and writes once the gate opens.
            for (let i = 0; i < 200; i++) yield* Effect.yieldNow()
            waiting.push({ gate, fiber })
            return
          }
          case "release": {
            const slow = waiting.shift()
            if (slow === undefined) return
            yield* Deferred.succeed(slow.gate, undefined)
            yield* Fiber.await(slow.fiber)
            return
          }
          case "compact":
            yield* ask(here, "POST", "/_compact", {})
            return
          case "equal":
            return yield* equalEdits(truth, here, there, step)
          case "forge":
            return yield* forge(truth, here, step, trouble.forged ?? "unheard")
          case "purge": {
            const burials = (yield* leavesAt(here)).filter(isBurial)
            const burial = burials[die % Math.max(1, burials.length)]
            if (burial !== undefined) yield* ask(here, "POST", "/_purge", { [id]: [burial.rev] })
          }
        }
      })

    for (const step of steps) yield* one(step)
    for (const { fiber, gate } of waiting) {
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.await(fiber)
    }
    let deferred: ReadonlyArray<string> = []
    let rounds = 0
    let before = ""
    for (; rounds < mostRounds; rounds++) {
      for (const from of world.replicas) {
        for (const to of world.replicas) if (from !== to) yield* replicate(world, trouble, from, to, [])
      }
      const outcomes = yield* Effect.forEach(world.replicas, (replica) =>
        version(replica) === 1
          ? resolve(truth, counts, replica, policyAt(replica), { crashes: false })
          : Effect.succeed(undefined))
      deferred = outcomes.flatMap((outcome, i) =>
        outcome?._tag === "Deferred"
          ? [`${i}: ${outcome.reason._tag} ${"why" in outcome.reason ? outcome.reason.why : ""}`]
          : outcome === undefined && !trouble.versions
          ? [`${i}: failed`]
          : []
      )
      const now = JSON.stringify(
        yield* Effect.forEach(
          world.replicas,
          (replica) => Effect.map(leavesAt(replica), (leaves) => leaves.map(({ rev }) => rev).sort())
        )
      )
      if (now === before) break
      before = now
    }
    const ends = yield* Effect.forEach(world.replicas, (replica) => leavesAt(replica))
    for (const leaves of ends) for (const { doc, rev } of leaves) same(counts, rev, doc)
    return {
      ...check(truth, ends, deferred, trouble),
      twoContents: counts.twoContents,
      writes: counts.writes,
      resolutions: counts.resolutions,
      rounds,
      unseen: counts.unseen
    }
  })

const begin = (world: World, truth: Truth, trouble: Experiment): Effect.Effect<void> =>
  Effect.gen(function*() {
    const [first, ...others] = world.replicas
    if (first === undefined) return
    if (trouble.revsLimit !== undefined) {
      for (const replica of world.replicas) yield* ask(replica, "PUT", "/_revs_limit", trouble.revsLimit)
    }
    const made = yield* through(
      first,
      untouched,
      Effect.orDie(Document.create(first.cards, id, empty))
    )
    truth.wrote(Option.getOrElse(made.rev, () => ""), { edits: new Set(), given: new Set() })
    for (const other of others) yield* replicate(world, { ...trouble, lostLeaves: false }, first, other, [])
  })

/** Runs a history, or a part of its steps. */
export const history = (
  seed: number,
  replicas: number,
  steps: ReadonlyArray<Step>,
  trouble: Experiment
): Effect.Effect<Outcome> =>
  embedded(seed, Array.from({ length: replicas }, (_, i) => settingsOf(i, trouble))).pipe(
    Effect.flatMap((world) => historyIn(world, steps, trouble)),
    Effect.withRandom(Random.make(seed))
  )
