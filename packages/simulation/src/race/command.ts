import type { Lineage } from "effect-couchdb"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Scope } from "effect/Scope"
import * as TestContext from "effect/TestContext"
import { withoutRules } from "../history/history.js"
import { embeddedWorld, sendRequest } from "../world/replicas.js"
import { cluster } from "./cluster.js"
import { contentsOf, readCopy } from "./copies.js"
import { failed, line } from "./figures.js"
import { type Course, race } from "./race.js"

export interface Racing {
  readonly documents: number
  readonly seed: number
  readonly urls: ReadonlyArray<URL>
  readonly without: ReadonlySet<number>
  /** Writes this many documents with two contents under one revision, to show that the check detects them. */
  readonly byHand: number
}

/** The collections of the two resolvers keep journals of different depth. */
const settingsOf = (without: ReadonlySet<number>): readonly [Lineage.Options, Lineage.Options] => [
  withoutRules({ depth: 16 }, without),
  withoutRules({ depth: 8 }, without)
]

/** Two clients of one embedded database: the race without a cluster. */
export const withoutCluster = (seed: number, without: ReadonlySet<number> = new Set()): Effect.Effect<Course> =>
  Effect.gen(function*() {
    const world = yield* embeddedWorld(seed, settingsOf(without))
    const [first, second] = world.replicas
    if (first === undefined || second === undefined) return yield* Effect.dieMessage("there is no replica")
    const racers = [first, {
      ...second,
      place: first.place,
      cards: { ...second.cards, database: first.cards.database }
    }] as const
    return {
      racers,
      copies: (id) =>
        Effect.map(
          readCopy("embedded", (query) => Effect.map(sendRequest(first, "GET", `/${id}${query}`), ({ json }) => json)),
          (copy) => [copy]
        )
    }
  })

/**
 * Writes different contents under one revision to each node. Returns the number of documents for which the check
 * detects that.
 */
const writeTwoContents = ({ copies, racers }: Course, documents: number): Effect.Effect<number> =>
  Effect.map(
    Effect.forEach(Array.from({ length: documents }, (_, i) => `by-hand-${i}`), (id) =>
      Effect.gen(function*() {
        yield* Effect.all(
          racers.map((racer, node) =>
            sendRequest(racer, "POST", "/_bulk_docs", {
              new_edits: false,
              docs: [{ _id: id, _rev: "1-967a00dff5e02add41819138abb3284d", node }]
            })
          ),
          { concurrency: "unbounded" }
        )
        return contentsOf(yield* copies(id)).two().length
      })),
    (two) => two.reduce((sum, each) => sum + each, 0)
  )

/** Runs the race and prints the result. Returns whether no invariant was violated. */
export const runRace = (
  { byHand, documents, seed, urls, without }: Racing
): Effect.Effect<boolean> => {
  const course: Effect.Effect<Course, never, Scope> = urls.length === 0
    ? withoutCluster(seed, without)
    : cluster(urls, `race-${process.pid}-${seed}`, settingsOf(without))
  const raced = Effect.gen(function*() {
    const { figures, wrong } = yield* course.pipe(
      Effect.flatMap((course) =>
        Effect.gen(function*() {
          const result = yield* race(course, { documents, seed })
          if (byHand === 0) return result
          const two = yield* writeTwoContents(course, byHand)
          yield* Console.log(`by hand: of ${byHand} documents, ${two} with two contents under one revision`)
          return { ...result, figures: { ...result.figures, twoContents: result.figures.twoContents + two } }
        })
      )
    )
    for (const each of wrong) yield* Console.log(each)
    yield* Console.log(line(figures))
    return !failed(figures)
  }).pipe(Effect.scoped, Effect.withRandom(Random.make(`${seed} ${process.pid}`)))
  return urls.length === 0 ? Effect.provide(raced, TestContext.TestContext) : raced
}
