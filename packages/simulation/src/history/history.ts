import { Document, type Lineage } from "effect-couchdb"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import { empty, policyOf } from "../world/card.js"
import { edit, editWithoutLineage, equalEdits, forge, recreate, remove } from "../world/edits.js"
import { makeTruth, type Truth, union, visible } from "../world/groundTruth.js"
import {
  embeddedWorld,
  id,
  type Leaf,
  leavesAt,
  noHook,
  type Replica,
  sendRequest,
  withHook,
  type World,
  writeLeaves
} from "../world/replicas.js"
import { checkSameContent, type Counts, resolve } from "../world/resolver.js"
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
    writeLeaves(
      to,
      leaves.filter((leaf, i) =>
        !(trouble.refusals && to === world.replicas[0] && isMerge(leaf) && refuses(leaf)) &&
        !(trouble.filtered && from === world.replicas[1] && leaf.deleted) &&
        !(trouble.lostLeaves && dice.length > 0 && (dice[i % dice.length] ?? 0) < 300)
      )
    ))

const isMergeTombstone = ({ deleted, doc }: Leaf): boolean =>
  deleted && (doc["lineage"] as { readonly kind?: string } | undefined)?.kind === "burial"

/** If replicas take more rounds, they do not converge. */
const maxRounds = 12

interface SlowResolver {
  readonly gate: Deferred.Deferred<void>
  readonly fiber: Fiber.Fiber<unknown>
}

/** A running history. */
interface Run {
  readonly world: World
  readonly trouble: Experiment
  readonly truth: Truth
  readonly counts: Counts
  readonly policies: ReadonlyArray<ReturnType<typeof policyOf>>
  /** Slow resolvers in the order of their start. */
  readonly slow: Array<SlowResolver>
}

const resolveAt = (
  { counts, policies, truth, world }: Run,
  replica: Replica,
  disturbance: Parameters<typeof resolve>[4]
) => resolve(truth, counts, replica, policies[world.replicas.indexOf(replica)] ?? policyOf("greater"), disturbance)

/** The format of the records that a replica writes. */
const formatAt = ({ trouble, world }: Run, replica: Replica): number =>
  trouble.versions && replica === world.replicas[2] ? 2 : 1

const visibleAt = ({ truth }: Run, replica: Replica): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(
    leavesAt(replica),
    (leaves) => visible(union(leaves.filter(({ deleted }) => !deleted).map(({ rev }) => truth.of(rev))))
  )

/** Counts the edits that a resolution makes invisible. */
const countUnseen = (run: Run, replica: Replica, resolution: Effect.Effect<unknown>): Effect.Effect<void> =>
  run.trouble.unwelcome !== true ? Effect.asVoid(resolution) : Effect.gen(function*() {
    const before = yield* visibleAt(run, replica)
    yield* resolution
    const after = new Set(yield* visibleAt(run, replica))
    run.counts.unseen += before.filter((edit) => !after.has(edit)).length
  })

const startSlowResolver = (run: Run, replica: Replica, crashes: boolean): Effect.Effect<void> =>
  Effect.gen(function*() {
    const gate = yield* Deferred.make<void>()
    const fiber = yield* Effect.fork(resolveAt(run, replica, { crashes, gate }))
    // The resolver reads now, and writes once the gate opens.
    for (let i = 0; i < 200; i++) yield* Effect.yieldNow()
    run.slow.push({ gate, fiber })
  })

const release = ({ fiber, gate }: SlowResolver): Effect.Effect<void> =>
  Effect.zipRight(Deferred.succeed(gate, undefined), Effect.asVoid(Fiber.await(fiber)))

const purgeMergeTombstone = (replica: Replica, die: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    const tombstones = (yield* leavesAt(replica)).filter(isMergeTombstone)
    const tombstone = tombstones[die % Math.max(1, tombstones.length)]
    if (tombstone !== undefined) yield* sendRequest(replica, "POST", "/_purge", { [id]: [tombstone.rev] })
  })

const runStep = (run: Run, step: Step): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { slow, trouble, truth, world } = run
    const here = world.replicas[step.here]
    const there = world.replicas[step.there]
    if (here === undefined || there === undefined) return
    const die = step.dice[0] ?? 0
    switch (step.kind) {
      case "edit":
        return yield* edit(truth, here, step, formatAt(run, here))
      case "foreign":
        return yield* editWithoutLineage(truth, here, step, trouble.foreign === "keep")
      case "delete":
        return yield* remove(truth, here, step)
      case "recreate":
        return yield* recreate(truth, here, step)
      case "replicate":
        return here === there ? undefined : yield* replicate(world, trouble, here, there, step.dice)
      case "resolve": {
        if (formatAt(run, here) !== 1) return
        const unwelcome = trouble.unwelcome === true && here === world.replicas[0]
        return yield* countUnseen(run, here, resolveAt(run, here, { crashes: die < 700, unwelcome }))
      }
      case "slow":
        return formatAt(run, here) === 1 ? yield* startSlowResolver(run, here, die < 350) : undefined
      case "release": {
        const resolver = slow.shift()
        return resolver === undefined ? undefined : yield* release(resolver)
      }
      case "compact":
        return yield* Effect.asVoid(sendRequest(here, "POST", "/_compact", {}))
      case "equal":
        return yield* equalEdits(truth, here, there, step)
      case "forge":
        return yield* forge(truth, here, step, trouble.forged ?? "unheard")
      case "purge":
        return yield* purgeMergeTombstone(here, die)
    }
  })

/** Replicates and resolves until no leaf changes. */
const converge = (run: Run): Effect.Effect<{ readonly deferred: ReadonlyArray<string>; readonly rounds: number }> =>
  Effect.gen(function*() {
    const { trouble, world } = run
    let deferred: ReadonlyArray<string> = []
    let rounds = 0
    let before = ""
    for (; rounds < maxRounds; rounds++) {
      for (const from of world.replicas) {
        for (const to of world.replicas) if (from !== to) yield* replicate(world, trouble, from, to, [])
      }
      const outcomes = yield* Effect.forEach(
        world.replicas,
        (replica) =>
          formatAt(run, replica) === 1 ? resolveAt(run, replica, { crashes: false }) : Effect.succeed(undefined)
      )
      deferred = outcomes.flatMap((outcome, i) =>
        outcome?._tag === "Unresolved"
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
    return { deferred, rounds }
  })

/** Runs the steps in a world without the document. */
export const historyIn = (world: World, steps: ReadonlyArray<Step>, trouble: Experiment): Effect.Effect<Outcome> =>
  Effect.gen(function*() {
    const truth = makeTruth()
    const counts: Counts = { writes: 0, resolutions: 0, contents: new Map(), twoContents: 0, unseen: 0 }
    const policies = world.replicas.map((_, i) => policyOf(trouble.policies && i % 2 === 1 ? "lesser" : "greater"))
    const run: Run = { world, trouble, truth, counts, policies, slow: [] }
    yield* begin(world, truth, trouble)
    for (const step of steps) yield* runStep(run, step)
    yield* Effect.forEach(run.slow, release, { discard: true })
    const { deferred, rounds } = yield* converge(run)
    const ends = yield* Effect.forEach(world.replicas, (replica) => leavesAt(replica))
    for (const leaves of ends) for (const { doc, rev } of leaves) checkSameContent(counts, rev, doc)
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
      for (const replica of world.replicas) yield* sendRequest(replica, "PUT", "/_revs_limit", trouble.revsLimit)
    }
    const made = yield* withHook(
      first,
      noHook,
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
  embeddedWorld(seed, Array.from({ length: replicas }, (_, i) => settingsOf(i, trouble))).pipe(
    Effect.flatMap((world) => historyIn(world, steps, trouble)),
    Effect.withRandom(Random.make(seed))
  )
