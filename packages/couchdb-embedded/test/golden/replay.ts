import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { concat } from "../../src/encoding/bytes.js"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import * as JavaScript from "../../src/functions/JavaScript.js"
import { admin, basic, client, requestOf } from "../client.js"
import * as Arrival from "./arrival.js"
import { shardOf, turnsOf } from "./arrival.js"
import * as Carried from "./carried.js"
import { normalise, uuidPrefix, without } from "./normalise.js"
import * as Salted from "./salted.js"
import type { Difference, Step } from "./transcript.js"
import { bodyOf, differences, latin1, recorded, setup, steps } from "./transcript.js"

export interface Answer {
  readonly status: number
  readonly text: string
}

/** A step with the normalised responses of CouchDB and of the engine. */
export interface Outcome {
  readonly index: number
  readonly step: Step
  readonly expected: Answer
  readonly actual: Answer
  readonly difference: Difference | undefined
}

/**
 * Generated ids are in lists, so they must sort like those of the transcript: between `b1` and `batch`. The third and
 * the fourth one have documents, and must also be in the first shard.
 */
const seedLikeTheTranscript = Effect.gen(function*() {
  for (let seed = 1;; seed++) {
    const send = client(yield* EmbeddedCouch.make({ seed, admin }))
    const [first = "", , ...written] = (yield* send("GET", "/_uuids?count=4")).text.match(/[0-9a-f]{32}/g) ?? []
    if (/^b[2-9a]/.test(first) && written.every((id) => shardOf(id) === 0)) return { seed, prefix: first.slice(0, 26) }
  }
})

const credentials = basic("admin", "password")

/** How many milliseconds a feed is read. */
const duration = (step: Step): number => setup.closedAfter[step.name] ?? (step.cut === undefined ? 60_000 : 1500)

/** Sends the request of a step, and reads as much of the response as was recorded, while time advances. */
const send = (couch: EmbeddedCouch.Service, step: Step, carried: Carried.Carried) =>
  Effect.scoped(Effect.gen(function*() {
    const headers = { ...(setup.anonymous.includes(step.name) ? {} : credentials), ...step.reqHeaders }
    const request = requestOf(
      step.method,
      Carried.inText(carried, step.path),
      Carried.inHeaders(carried, headers),
      Carried.inBody(carried, bodyOf(step))
    )
    // The transcript's replications name their server by its address.
    const response = yield* couch.stream({ ...request, origin: "http://127.0.0.1:6984" })
    const chunks: Array<Uint8Array> = []
    const read = Stream.runForEach(response.body, (chunk) => Effect.sync(() => chunks.push(chunk)))
    const reading = yield* Effect.fork(read)
    let spent = 0
    for (const { after, body, id } of setup.meanwhile[step.name] ?? []) {
      yield* TestClock.adjust(after)
      spent += after
      yield* client(couch, credentials)("PUT", `/probe/${id}`, { body })
    }
    // Time also advances for complete responses, because a feed may have waited for its timeout.
    yield* TestClock.adjust(/feed=|timeout=/.test(step.path) ? duration(step) - spent : 0)
    const closed = step.cut === undefined ? yield* Fiber.await(reading).pipe(Effect.map(Exit.isSuccess)) : false
    const bytes = concat(chunks)
    return {
      status: response.status,
      headers: response.headers,
      text: (step.base64 === undefined ? new TextDecoder().decode(bytes) : latin1(bytes)) +
        (closed || step.cut !== undefined ? "" : "(broken)")
    }
  }))

/** Replays the transcript in virtual time. Needs the clock of `TestContext`. */
export const replay = Effect.gen(function*() {
  const { prefix, seed } = yield* seedLikeTheTranscript
  const arrival = Arrival.make()
  const couch = yield* EmbeddedCouch.make({
    seed,
    admin,
    interpreter: JavaScript.make(),
    node: "couchdb6984@127.0.0.1",
    iterations: 600_000,
    arrival: arrival.next
  })
  const carried: Carried.Carried = new Map()
  const outcomes: Array<Outcome> = []
  for (const [index, step] of steps.entries()) {
    const before = setup.before[step.name]
    if (before !== undefined) {
      yield* client(couch, credentials)(before.method, before.path, before.body === undefined ? {} : before)
    }
    arrival.set(turnsOf(step))
    const reply = yield* send(couch, step, carried)
    Carried.learn(carried, step, reply)
    const [theirs, ours] = Salted.isSalted(step)
      ? [
        Salted.withoutSalt(step, recorded(step), Salted.recordedDocument(step)),
        Salted.withoutSalt(step, reply.text, (yield* client(couch, credentials)("GET", step.path)).text)
      ]
      : [recorded(step), reply.text]
    outcomes.push({
      index,
      step,
      expected: { status: step.status, text: normalise(theirs, uuidPrefix) },
      actual: { status: reply.status, text: normalise(ours, prefix) },
      difference: differences[step.name]
    })
  }
  return outcomes
})

export const sameStatus = ({ actual, expected }: Outcome): boolean => actual.status === expected.status

export const same = (outcome: Outcome): boolean => sameStatus(outcome) && outcome.actual.text === outcome.expected.text

/** The error of a step: an unlisted difference, or a listed one that does not exist. */
export const complaint = (outcome: Outcome): string | undefined => {
  const { actual, difference, expected } = outcome
  if (same(outcome)) return difference === undefined ? undefined : "is listed as different, and is answered alike"
  if (difference === undefined) return "differs, and no reason is listed"
  const { only } = difference
  if (only === undefined) return undefined
  return sameStatus(outcome) && without(only, actual.text) === without(only, expected.text)
    ? undefined
    : `differs in more than ${only.join(", ")}`
}

/** Listed steps that are not in the transcript. */
export const strays: ReadonlyArray<string> = Object.keys({ ...differences, ...setup.before, ...setup.meanwhile })
  .concat(setup.anonymous)
  .filter((name) => !steps.some((step) => step.name === name))
