import { assert, describe, it } from "@effect/vitest"
import { Auth, CouchHttp, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as JavaScript from "effect-couchdb-embedded/JavaScript"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { foreign, makeImpostor, type Plan } from "../support/impostor.js"
import { operations } from "../support/operations.js"
import { judge, nothingFound, trial } from "../support/trial.js"

const admin = { username: "admin", password: Redacted.make("admin-password-4b7a") }
const interpreter = JavaScript.make()

/** Lets the test's time pass until the effect is done, or for long enough to see that it does not end. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    for (let i = 0; i < 40 && fiber.unsafePoll() === null; i++) yield* TestClock.adjust("3 seconds")
    if (fiber.unsafePoll() !== null) return yield* fiber.await
    yield* Fiber.interrupt(fiber)
    return Exit.die("it does not end")
  })

const world = Effect.gen(function*() {
  const couch = yield* EmbeddedCouch.make({ admin, interpreter, iterations: 1 })
  const inner = EmbeddedCouch.transport(couch)
  const impostor = makeImpostor(inner)
  const options = {
    url: "http://embedded",
    auth: Auth.basic(admin.username, admin.password),
    retry: Schedule.recurs(2),
    timeout: "20 seconds"
  } as const
  const over = (transport: Transport.Service) =>
    CouchHttp.make(options).pipe(Effect.provideService(Transport.Transport, transport))
  return { impostor, faulty: yield* over(impostor.transport), clean: yield* over(inner) }
})

const samples = Number(process.env["FOREIGN_RESPONSES"] ?? 0)

const modes = [
  { times: 1, carriesOut: false },
  { times: 1, carriesOut: true },
  { times: Infinity, carriesOut: false },
  { times: Infinity, carriesOut: true }
] as const

/**
 * The plans of one operation: each of its requests in turn, once and for good, carried out or not. The responses follow
 * one another through the list. FOREIGN_RESPONSES is how many of them each mode gets; by default two modes get one each.
 */
const plansOf = (requests: number, index: number): ReadonlyArray<Plan & { readonly name: string }> => {
  const plans: Array<Plan & { readonly name: string }> = []
  let next = index
  for (let from = 0; from < requests; from++) {
    for (const [i, { carriesOut, times }] of modes.entries()) {
      if (samples === 0 && i % 2 !== (from + index) % 2) continue
      for (let n = 0; n < Math.max(1, samples); n++) {
        const { name, response } = foreign[next++ * 7 % foreign.length]!
        plans.push({
          name: `${name}, request ${from}, ${times === 1 ? "once" : "for good"}${carriesOut ? ", carried out" : ""}`,
          from,
          times,
          carriesOut,
          response
        })
      }
    }
  }
  return plans
}

// Replication and feeds that outlive everything are tried in tests of their own.
const tried = operations.filter(({ embedded, endless, name }) =>
  embedded && !endless && !name.startsWith("Replication.")
)

describe("a response of something other than CouchDB", () => {
  for (const [index, operation] of tried.entries()) {
    it.scoped(`is not taken for CouchDB's word by ${operation.name}`, () =>
      Effect.gen(function*() {
        const { clean, faulty, impostor } = yield* world
        const found = nothingFound()
        const reference = yield* trial({ clean, faulty, impostor, operation, timed, plan: undefined })
        assert.strictEqual(
          Exit.isFailure(reference.exit) ? Cause.pretty(reference.exit.cause) : "success",
          "success"
        )
        for (const plan of plansOf(reference.requests, index)) {
          const seen = yield* trial({ clean, faulty, impostor, operation, timed, plan })
          judge(found, plan.name, reference, seen, operation, plan)
        }
        assert.deepStrictEqual(found, nothingFound(), JSON.stringify(found, null, 1))
      }), 120_000)
  }
})
