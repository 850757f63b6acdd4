import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as FiberId from "effect/FiberId"
import type { Scope } from "effect/Scope"
import type { NotFoundError, RequestError } from "../../CouchError.js"
import { CouchHttp, type ReadDocument, type Service, type WriteDocument, type Written } from "../../CouchHttp.js"
import { makeClaims } from "../claims.js"
import { defaultRetry, respectful } from "../transient.js"
import { readTexts } from "./texts.js"
import { type Knowledge, textOf, writeAll, type WriteError } from "./write.js"

interface Asked<Q, A, E> {
  readonly question: Q
  readonly answer: Deferred.Deferred<A, E>
}

type Read = Asked<ReadDocument, string, NotFoundError | RequestError>
type Write = Asked<WriteDocument, Written, WriteError>

/** So many turns nobody asks anything more, and the questions go out. */
const quiet = 3

const byDatabase = <X extends { readonly question: { readonly database: string } }>(
  asked: ReadonlyArray<X>
): ReadonlyArray<ReadonlyArray<X>> => {
  const all = new Map<string, Array<X>>()
  for (const each of asked) {
    const same = all.get(each.question.database)
    if (same === undefined) all.set(each.question.database, [each])
    else same.push(each)
  }
  return Array.from(all.values())
}

/** Those with an id of their own, and those that must wait for them. */
const distinct = (writes: ReadonlyArray<Write>): readonly [ReadonlyArray<Write>, ReadonlyArray<Write>] => {
  const seen = new Set<string>()
  const first: Array<Write> = []
  const rest: Array<Write> = []
  for (const each of writes) {
    const key = `${each.question.database} ${each.question.id}`
    if (seen.has(key)) rest.push(each)
    else first.push(each)
    seen.add(key)
  }
  return [first, rest]
}

/**
 * A `CouchHttp` whose reads and writes of documents wait until nobody asks more, and then go out together. It lives as
 * long as the scope.
 */
export const coalescing = (couch: Service): Effect.Effect<Service, never, Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const reads: Array<Read> = []
    let writes: Array<Write> = []
    let running = false
    const knowledge: Knowledge = {
      retry: respectful(defaultRetry, Duration.minutes(1)),
      holds: new Map(),
      claims: makeClaims()
    }
    const asWire = Effect.provideService(CouchHttp, couch)

    const settled = Effect.gen(function*() {
      let before = -1
      for (let turns = 0; turns < quiet; turns++) {
        yield* Effect.yieldNow()
        const now = reads.length + writes.length
        if (now !== before) turns = 0
        before = now
      }
    })

    const sendReads = (asked: ReadonlyArray<Read>) =>
      Effect.forEach(byDatabase(asked), (same) =>
        Effect.matchEffect(readTexts(same.map(({ question }) => question)), {
          onFailure: (error) => Effect.forEach(same, ({ answer }) => Deferred.fail(answer, error)),
          onSuccess: (texts) =>
            Effect.forEach(
              same,
              ({ answer }, i) =>
                Deferred.complete(answer, texts[i] as Either.Either<string, NotFoundError | RequestError>)
            )
        }))

    const sendWrites = (asked: ReadonlyArray<Write>) =>
      Effect.forEach(byDatabase(asked), (same) =>
        Effect.flatMap(
          writeAll(
            (same[0] as Write).question.database,
            same.map(({ question }) => ({ write: question, text: textOf(question) })),
            knowledge
          ),
          (outcomes) =>
            Effect.forEach(
              same,
              ({ answer }, i) => Deferred.complete(answer, outcomes[i] as Either.Either<Written, WriteError>)
            )
        ))

    const flush: Effect.Effect<void> = Effect.gen(function*() {
      for (;;) {
        yield* settled
        if (reads.length + writes.length === 0) {
          running = false
          return
        }
        const asked = reads.splice(0)
        const [now, later] = distinct(writes)
        writes = Array.from(later)
        yield* asWire(Effect.zipRight(sendReads(asked), sendWrites(now)))
      }
    })

    const ask = <A, E>(enqueue: (answer: Deferred.Deferred<A, E>) => void): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        const answer = Deferred.unsafeMake<A, E>(FiberId.none)
        enqueue(answer)
        const started = running
        running = true
        return Effect.zipRight(started ? Effect.void : Effect.forkIn(flush, scope), Deferred.await(answer))
      })

    return {
      ...couch,
      readDocument: (question) =>
        question.query === ""
          ? ask<string, NotFoundError | RequestError>((answer) => reads.push({ question, answer }))
          : couch.readDocument(question),
      writeDocument: (question) => ask<Written, WriteError>((answer) => writes.push({ question, answer }))
    }
  })
