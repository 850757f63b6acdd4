import type { Conflict } from "effect-couchdb"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Card, policyOf } from "../world/card.js"
import { makeRandom } from "../world/random.js"
import type { Replica } from "../world/replicas.js"
import type { Step } from "../world/steps.js"
import { makeConflict } from "./conflicting.js"
import { editAt, editConcurrently, makeDocument, type RaceDocument, replay, resolveAt, writeLeaves } from "./contest.js"
import { agree, type Copy } from "./copies.js"
import { checkDocument, failed, type Figures, sum } from "./figures.js"

/** A database with two resolvers, and the copies of a document on its nodes. */
export interface Course {
  readonly racers: readonly [Replica, Replica]
  readonly copies: (id: string) => Effect.Effect<ReadonlyArray<Copy>>
}

export interface Options {
  readonly documents: number
  readonly seed: number
  /** The rounds with disturbances. After them, the resolvers run until they find nothing to do. */
  readonly disturbed?: number
}

/** How many documents are handled concurrently. */
const concurrency = 8

/** If resolvers take more rounds, they do not converge. */
const maxRounds = 30

type Outcome = Either.Either<Conflict.Resolution<Card>, unknown>

/** Runs two resolvers that interfere with each other in one of several ways. */
const runDisturbed = (
  { racers: [first, second] }: Course,
  document: RaceDocument,
  policies: ReturnType<typeof policiesOf>,
  step: Step
): Effect.Effect<ReadonlyArray<Outcome>> =>
  Effect.gen(function*() {
    const [die = 0, at = 0] = step.dice
    const [one, other] = at % 2 === 0 ? [first, second] : [second, first]
    const arrived = [yield* Deferred.make<void>(), yield* Deferred.make<void>()] as const
    const ended = yield* Deferred.make<void>()
    const between = Effect.suspend(() => {
      const late = document.late.splice(0, 1)
      return late.length > 0 ? writeLeaves(document, other, late) : editAt(document, other, step)
    })
    // A gate also opens when the other resolver ends, because it may have nothing to write.
    const meet = (mine: 0 | 1) =>
      Effect.zipRight(Deferred.succeed(arrived[mine], undefined), Deferred.await(arrived[mine === 0 ? 1 : 0]))
    const both = (gates: readonly [Effect.Effect<void>, Effect.Effect<void>], crashes: boolean) =>
      Effect.all([
        resolveAt(document, one, policies(one), { gate: gates[0], crashes }).pipe(
          Effect.ensuring(Deferred.succeed(arrived[0], undefined)),
          Effect.ensuring(Deferred.succeed(ended, undefined))
        ),
        resolveAt(document, other, policies(other), { gate: gates[1] }).pipe(
          Effect.ensuring(Deferred.succeed(arrived[1], undefined))
        )
      ], { concurrency: "unbounded" })
    switch (die % 5) {
      case 0:
        // Both have read, and write at the same time.
        return yield* both([meet(0), meet(1)], false)
      case 1:
        // Both have read, and another client writes before they do.
        return yield* both([meet(0), Effect.zipRight(meet(1), between)], false)
      case 2:
        // One reads early, and writes after the other one has ended and the document was edited.
        return yield* both([Effect.void, Effect.zipRight(Deferred.await(ended), between)], false)
      case 3:
        // One crashes between its two writes.
        return yield* both([meet(0), meet(1)], true)
      default:
        return yield* Effect.zipLeft(both([Effect.void, Effect.void], false), between)
    }
  })

/** On every other document, the two resolvers decide overlaps differently. */
const policiesOf = ([first]: Course["racers"], index: number) => (replica: Replica) =>
  policyOf(index % 2 === 0 || replica === first ? "greater" : "lesser")

/** How often to check whether the nodes have synchronised. */
const maxChecks = 120

const awaitSynchronised = (course: Course, id: string): Effect.Effect<ReadonlyArray<Copy>> =>
  Effect.gen(function*() {
    let copies = yield* course.copies(id)
    for (let i = 1; i < maxChecks && !agree(copies); i++) {
      yield* Effect.sleep("500 millis")
      copies = yield* course.copies(id)
    }
    return copies
  })

/** The totals of a race, and the errors of each document. */
export interface RaceResult {
  readonly figures: Figures
  readonly wrong: ReadonlyArray<string>
}

/** Documents in conflict. Some of their leaves are held back until the race has begun. */
const begin = ({ racers }: Course, { documents, seed }: Options): Effect.Effect<ReadonlyArray<RaceDocument>> =>
  Effect.forEach(Array.from({ length: documents }, (_, i) => i), (i) =>
    Effect.gen(function*() {
      const { leaves, truth } = yield* makeConflict(seed * 10_000 + i)
      const random = makeRandom(seed * 10_000 + i)
      const late = leaves.filter(() => leaves.length > 2 && random(5) === 0).slice(0, leaves.length - 2)
      const document = makeDocument(`card-${i}`, truth, late)
      const there = leaves.filter((leaf) => !late.includes(leaf))
      // Each node gets one half of the leaves, at the same time.
      yield* Effect.all(
        racers.map((racer, which) => writeLeaves(document, racer, there.filter((_, j) => j % 2 === which))),
        { concurrency: "unbounded" }
      )
      return document
    }), { concurrency: 2 })

const countResolutions = (outcomes: ReadonlyArray<Outcome>): number =>
  outcomes.filter((outcome) => Either.isRight(outcome) && outcome.right._tag.endsWith("Resolved")).length

const isAtRest = (outcome: Outcome): boolean =>
  Either.isRight(outcome) && (outcome.right._tag === "NothingToDo" || outcome.right._tag === "Unresolved")

const deferredIn = (outcome: Outcome): ReadonlyArray<string> =>
  Either.isLeft(outcome)
    ? [`failed: ${String(outcome.left)}`]
    : outcome.right._tag === "Unresolved"
    ? [`${outcome.right.reason._tag} ${outcome.right.reason.why}`]
    : []

/** The rounds in which the resolvers are disturbed. */
const disturbedRounds = (
  course: Course,
  documents: ReadonlyArray<RaceDocument>,
  seed: number,
  rounds: number
): Effect.Effect<{ readonly resolutions: number; readonly repeated: number }> =>
  Effect.gen(function*() {
    const { racers } = course
    const random = makeRandom(seed)
    let resolutions = 0
    let repeated = 0
    for (let round = 1; round <= rounds; round++) {
      const steps = documents.map((): Step => ({
        kind: "edit",
        here: 0,
        there: 1,
        dice: Array.from({ length: 8 }, () => random(1_000)),
        name: `r${round}`
      }))
      yield* Effect.forEach(documents, (document, i) =>
        Effect.gen(function*() {
          const step = steps[i]
          if (step === undefined) return
          yield* editConcurrently(document, racers, { ...step, name: `${step.name}-rival` })
          // The counters are read after each effect, because the documents run concurrently.
          const outcomes = yield* runDisturbed(course, document, policiesOf(racers, i), step)
          resolutions += countResolutions(outcomes)
          const sentAgain = yield* replay(document, racers[(step.dice[2] ?? 0) % 2 === 0 ? 0 : 1])
          repeated += sentAgain
        }), { concurrency, discard: true })
    }
    return { resolutions, repeated }
  })

/** Runs both resolvers until they find nothing to do. */
const untilRest = (
  { racers }: Course,
  documents: ReadonlyArray<RaceDocument>
): Effect.Effect<{
  readonly rounds: number
  readonly resolutions: number
  readonly deferred: ReadonlyArray<ReadonlyArray<string>>
}> =>
  Effect.gen(function*() {
    let rounds = 0
    let resolutions = 0
    let deferred: ReadonlyArray<ReadonlyArray<string>> = []
    for (let resting = false; !resting && rounds < maxRounds; rounds++) {
      const outcomes = yield* Effect.forEach(
        documents,
        (document, i) =>
          Effect.all(
            racers.map((racer) => resolveAt(document, racer, policiesOf(racers, i)(racer))),
            { concurrency: "unbounded" }
          ),
        { concurrency }
      )
      resolutions += countResolutions(outcomes.flat())
      deferred = outcomes.map((both) => both.flatMap(deferredIn))
      resting = outcomes.flat().every(isAtRest)
    }
    return { rounds, resolutions, deferred }
  })

/**
 * Runs two resolvers on documents in conflict until both find nothing to do, and then checks the copies on the nodes.
 */
export const race = (course: Course, options: Options): Effect.Effect<RaceResult> =>
  Effect.gen(function*() {
    const { racers } = course
    const documents = yield* begin(course, options)
    const rounds = options.disturbed ?? 4
    const disturbedPart = yield* disturbedRounds(course, documents, options.seed, rounds)
    for (const document of documents) yield* writeLeaves(document, racers[0], document.late.splice(0))
    const quietPart = yield* untilRest(course, documents)
    const results = yield* Effect.forEach(
      documents,
      (document, i) =>
        Effect.map(awaitSynchronised(course, document.id), (copies) => ({
          id: document.id,
          nodes: copies.length,
          ...checkDocument(document, copies, quietPart.deferred[i] ?? [])
        })),
      { concurrency }
    )
    return {
      figures: {
        documents: documents.length,
        nodes: Math.max(0, ...results.map(({ nodes }) => nodes)),
        rounds: rounds + quietPart.rounds,
        resolutions: disturbedPart.resolutions + quietPart.resolutions,
        repeated: disturbedPart.repeated,
        ...sum(results)
      },
      wrong: results.filter(failed).map(({ found, id }) => `${id}: ${JSON.stringify(found)}`)
    }
  })
