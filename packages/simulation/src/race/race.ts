import type { Conflict } from "effect-couchdb"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Card, policyOf } from "../world/card.js"
import { makeRandom } from "../world/random.js"
import type { Replica } from "../world/replicas.js"
import type { Step } from "../world/steps.js"
import { conflicted } from "./conflicting.js"
import { bring, type Contested, contested, editAt, replay, resolveAt, rivals } from "./contest.js"
import { agree, type Copy } from "./copies.js"
import { failed, type Figures, judge, sum } from "./figures.js"

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
const atOnce = 8

/** If resolvers take more rounds, they do not converge. */
const mostRounds = 30

type Outcome = Either.Either<Conflict.Resolution<Card>, unknown>

/** Runs two resolvers that interfere with each other in one of several ways. */
const disturbed = (
  { racers: [first, second] }: Course,
  document: Contested,
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
      return late.length > 0 ? bring(document, other, late) : editAt(document, other, step)
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
const looks = 120

const settled = (course: Course, id: string): Effect.Effect<ReadonlyArray<Copy>> =>
  Effect.gen(function*() {
    let copies = yield* course.copies(id)
    for (let i = 1; i < looks && !agree(copies); i++) {
      yield* Effect.sleep("500 millis")
      copies = yield* course.copies(id)
    }
    return copies
  })

/** The totals of a race, and the errors of each document. */
export interface Told {
  readonly figures: Figures
  readonly wrong: ReadonlyArray<string>
}

/** Documents in conflict. Some of their leaves are held back until the race has begun. */
const begin = ({ racers }: Course, { documents, seed }: Options): Effect.Effect<ReadonlyArray<Contested>> =>
  Effect.forEach(Array.from({ length: documents }, (_, i) => i), (i) =>
    Effect.gen(function*() {
      const { leaves, truth } = yield* conflicted(seed * 10_000 + i)
      const random = makeRandom(seed * 10_000 + i)
      const late = leaves.filter(() => leaves.length > 2 && random(5) === 0).slice(0, leaves.length - 2)
      const document = contested(`card-${i}`, truth, late)
      const there = leaves.filter((leaf) => !late.includes(leaf))
      // Each node gets one half of the leaves, at the same time.
      yield* Effect.all(
        racers.map((racer, which) => bring(document, racer, there.filter((_, j) => j % 2 === which))),
        { concurrency: "unbounded" }
      )
      return document
    }), { concurrency: 2 })

/**
 * Runs two resolvers on documents in conflict until both find nothing to do, and then checks the copies on the nodes.
 */
export const race = (course: Course, options: Options): Effect.Effect<Told> =>
  Effect.gen(function*() {
    const { racers } = course
    const documents = yield* begin(course, options)
    const random = makeRandom(options.seed)
    let resolutions = 0
    let repeated = 0
    const counted = (outcomes: ReadonlyArray<Outcome>): void => {
      resolutions += outcomes.filter((outcome) =>
        Either.isRight(outcome) && outcome.right._tag.endsWith("Resolved")
      ).length
    }
    const rounds = options.disturbed ?? 4
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
          yield* rivals(document, racers, { ...step, name: `${step.name}-rival` })
          counted(yield* disturbed(course, document, policiesOf(racers, i), step))
          repeated += yield* replay(document, racers[(step.dice[2] ?? 0) % 2 === 0 ? 0 : 1])
        }), { concurrency: atOnce, discard: true })
    }
    for (const document of documents) yield* bring(document, racers[0], document.late.splice(0))

    let quiet = 0
    let deferred: ReadonlyArray<ReadonlyArray<string>> = []
    for (let resting = false; !resting && quiet < mostRounds; quiet++) {
      const outcomes = yield* Effect.forEach(
        documents,
        (document, i) =>
          Effect.all(
            racers.map((racer) => resolveAt(document, racer, policiesOf(racers, i)(racer))),
            { concurrency: "unbounded" }
          ),
        { concurrency: atOnce }
      )
      outcomes.forEach(counted)
      deferred = outcomes.map((both) =>
        both.flatMap((outcome) =>
          Either.isLeft(outcome)
            ? [`failed: ${String(outcome.left)}`]
            : outcome.right._tag === "Deferred"
            ? [`${outcome.right.reason._tag} ${outcome.right.reason.why}`]
            : []
        )
      )
      resting = outcomes.flat().every((outcome) =>
        Either.isRight(outcome) && (outcome.right._tag === "NothingToDo" || outcome.right._tag === "Deferred")
      )
    }

    const judged = yield* Effect.forEach(
      documents,
      (document, i) =>
        Effect.map(settled(course, document.id), (copies) => ({
          id: document.id,
          nodes: copies.length,
          ...judge(document, copies, deferred[i] ?? [])
        })),
      { concurrency: atOnce }
    )
    return {
      figures: {
        documents: documents.length,
        nodes: Math.max(0, ...judged.map(({ nodes }) => nodes)),
        rounds: rounds + quiet,
        resolutions,
        repeated,
        ...sum(judged)
      },
      wrong: judged.filter(failed).map(({ found, id }) => `${id}: ${JSON.stringify(found)}`)
    }
  })
