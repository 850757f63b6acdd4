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

/** One database, the ways of two resolvers to it, and all that its nodes hold of a document. */
export interface Course {
  readonly racers: readonly [Replica, Replica]
  readonly copies: (id: string) => Effect.Effect<ReadonlyArray<Copy>>
}

export interface Options {
  readonly documents: number
  readonly seed: number
  /** Rounds with disturbances, before the resolvers are left to come to rest. */
  readonly disturbed?: number
}

/** Documents that are looked at together. */
const atOnce = 8

/** More rounds than this, and the resolvers do not come to rest. */
const mostRounds = 30

type Outcome = Either.Either<Conflict.Resolution<Card>, unknown>

/** Two resolvers on one document, that disturb each other in one of several ways. */
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
    // What waits for a resolver waits for its end too, since it may have nothing to write.
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
        // Both have read, and write at one time.
        return yield* both([meet(0), meet(1)], false)
      case 1:
        // Both have read, and somebody writes before they do.
        return yield* both([meet(0), Effect.zipRight(meet(1), between)], false)
      case 2:
        // One reads early, and writes when the other one is done and the document was edited.
        return yield* both([Effect.void, Effect.zipRight(Deferred.await(ended), between)], false)
      case 3:
        // One dies between its two writes.
        return yield* both([meet(0), meet(1)], true)
      default:
        return yield* Effect.zipLeft(both([Effect.void, Effect.void], false), between)
    }
  })

/** Resolvers that decide clashes differently meet on every other document. */
const policiesOf = ([first]: Course["racers"], index: number) => (replica: Replica) =>
  policyOf(index % 2 === 0 || replica === first ? "greater" : "lesser")

/** So often is looked whether the nodes have passed on what they have. */
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

/** What came of a race, and what is wrong with each document of which anything is. */
export interface Told {
  readonly figures: Figures
  readonly wrong: ReadonlyArray<string>
}

/** Documents in conflict, of which a part is there when the race begins. */
const begin = ({ racers }: Course, { documents, seed }: Options): Effect.Effect<ReadonlyArray<Contested>> =>
  Effect.forEach(Array.from({ length: documents }, (_, i) => i), (i) =>
    Effect.gen(function*() {
      const { leaves, truth } = yield* conflicted(seed * 10_000 + i)
      const random = makeRandom(seed * 10_000 + i)
      const late = leaves.filter(() => leaves.length > 2 && random(5) === 0).slice(0, leaves.length - 2)
      const document = contested(`card-${i}`, truth, late)
      const there = leaves.filter((leaf) => !late.includes(leaf))
      // One half came by the one node, the other half by the other one, at one time.
      yield* Effect.all(
        racers.map((racer, which) => bring(document, racer, there.filter((_, j) => j % 2 === which))),
        { concurrency: "unbounded" }
      )
      return document
    }), { concurrency: 2 })

/** Two resolvers race on documents in conflict until both find nothing to do, and what the nodes hold then is judged. */
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
            : outcome.right._tag === "Unresolved"
            ? [`${outcome.right.reason._tag} ${outcome.right.reason.why}`]
            : []
        )
      )
      resting = outcomes.flat().every((outcome) =>
        Either.isRight(outcome) && (outcome.right._tag === "NothingToDo" || outcome.right._tag === "Unresolved")
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
