/** Runs random histories of replicas, and counts violated invariants: `npm run simulate`. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as TestContext from "effect/TestContext"
import { parseArgs } from "node:util"
import { historyIn, type Outcome } from "./history/history.js"
import { isHarmful, ruleTable, showRules } from "./history/rules.js"
import { runRace } from "./race/command.js"
import * as Simulation from "./Simulation.js"
import { serverWorld } from "./world/serverWorld.js"
import { noTrouble, stepsOf } from "./world/steps.js"

const { values } = parseArgs({
  options: {
    replicas: { type: "string", default: "5" },
    histories: { type: "string", default: "1000" },
    steps: { type: "string", default: "50" },
    seed: { type: "string", default: "1" },
    url: { type: "string", multiple: true },
    foreign: { type: "string" },
    "revs-limit": { type: "string" },
    deletions: { type: "boolean" },
    refusals: { type: "boolean" },
    filtered: { type: "boolean" },
    purge: { type: "boolean" },
    "lost-leaves": { type: "boolean" },
    depths: { type: "boolean" },
    versions: { type: "boolean" },
    policies: { type: "boolean" },
    names: { type: "boolean" },
    forgeries: { type: "boolean" },
    all: { type: "boolean" },
    rules: { type: "boolean" },
    race: { type: "string" },
    without: { type: "string", multiple: true },
    "by-hand": { type: "string", default: "0" }
  }
})

const isForeign = (text: string | undefined): text is "keep" | "drop" => text === "keep" || text === "drop"

const options: Simulation.Options = {
  replicas: values.url?.length ?? Number(values.replicas),
  steps: Number(values.steps),
  foreign: isForeign(values.foreign) ? values.foreign : values.all === true ? "keep" : "none",
  revsLimit: values["revs-limit"] === undefined ? values.all === true ? 12 : undefined : Number(values["revs-limit"]),
  ...Object.fromEntries(
    ([
      ["deletions", values.deletions],
      ["refusals", values.refusals],
      ["filtered", values.filtered],
      ["purge", values.purge],
      ["lostLeaves", values["lost-leaves"]],
      ["depths", values.depths],
      ["versions", values.versions],
      ["policies", values.policies],
      ["names", values.names]
    ] as const).map(([name, on]) => [name, on === true || values.all === true])
  ),
  // Not included in `--all`, because the simulated newer version cannot sign its records.
  forgeries: values.forgeries === true
}
const histories = Number(values.histories)
const first = Number(values.seed)

/** One history on real servers, with temporary databases. */
const onServers = (seed: number, urls: ReadonlyArray<URL>): Effect.Effect<Outcome> =>
  Effect.gen(function*() {
    const world = yield* serverWorld(urls, `simulation-${process.pid}-${seed}`)
    return yield* historyIn(world, stepsOf(seed, options.steps ?? 50, urls.length, { ...noTrouble, ...options }), {
      ...noTrouble,
      ...options
    })
  }).pipe(Effect.scoped, Effect.withRandom(Random.make(`${seed} ${process.pid}`)))

const outcomes: Stream.Stream<Simulation.Outcome> = values.url === undefined
  ? Stream.range(first, first + histories - 1).pipe(
    // Each history has its own TestClock, which keeps all fibers that ever slept.
    Stream.mapEffect((seed) => Effect.provide(Simulation.run(seed, options), TestContext.TestContext))
  )
  : Stream.range(first, first + histories - 1).pipe(
    Stream.mapEffect((seed) =>
      Effect.map(
        onServers(seed, (values.url ?? []).map((url) => new URL(url))),
        (outcome) => ({ ...outcome, seed })
      )
    )
  )

const program = outcomes.pipe(
  Stream.runFoldEffect(
    { report: Simulation.nothing, failing: undefined as number | undefined },
    (state, outcome) =>
      Effect.gen(function*() {
        const report = Simulation.add(state.report, outcome)
        const fails = Simulation.failed(outcome)
        if (fails) {
          const { deferred: _, ...found } = outcome
          yield* Console.log(`seed ${outcome.seed}: ${JSON.stringify(found)}`)
        }
        if (report.histories % 100 === 0) yield* Console.log(Simulation.line(report))
        return { report, failing: state.failing ?? (fails ? outcome.seed : undefined) }
      })
  ),
  Effect.tap(({ failing }) =>
    failing === undefined || values.url !== undefined
      ? Effect.void
      : Effect.gen(function*() {
        const steps = yield* Simulation.shrink(failing, options).pipe(Effect.provide(TestContext.TestContext))
        yield* Console.log(`\na minimal part of seed ${failing} that fails:\n${steps.join("\n")}\n`)
      })
  ),
  Effect.tap(({ report }) => Console.log(Simulation.line(report)))
)

/** Runs a history with and without each rule. Returns whether every missing rule causes an error. */
const rules = Effect.gen(function*() {
  const rows = yield* ruleTable
  yield* Console.log(showRules(rows))
  return rows.every(isHarmful)
}).pipe(Effect.provide(TestContext.TestContext))

/** Two resolvers on one database, each through its own node. */
const contest = runRace({
  documents: Number(values.race),
  seed: first,
  urls: (values.url ?? []).map((url) => new URL(url)),
  without: new Set((values.without ?? []).map(Number)),
  byHand: Number(values["by-hand"])
})

const succeeded = values.race !== undefined
  ? await Effect.runPromise(contest)
  : values.rules === true
  ? await Effect.runPromise(rules)
  : (await Effect.runPromise(program)).failing === undefined
process.exitCode = succeeded ? 0 : 1
