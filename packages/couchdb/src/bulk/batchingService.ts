import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import type { Auth } from "../http/Auth.js"
import { readWinners } from "../http/bulk/bulkGetWinners.js"
import { type BulkContext, textOf, writeAll, type WriteError } from "../http/bulk/writeAll.js"
import {
  CouchHttp,
  type ReadDocument,
  type ReadJson,
  type Service,
  type WriteDocument,
  type Written
} from "../http/CouchHttp.js"
import { currentAuth } from "../http/currentAuth.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import { defaultRetry, retryTransient } from "../http/retry.js"
import { withState, writeStateOf } from "../http/serviceState.js"
import type { Options } from "./Batching.js"
import { makeAsk } from "./batchQueue.js"

const defaultSize = 400

// Enough to keep a server busy while answers are read, and few enough that batches fill.
const defaultInFlight = 8

const atLeastOne = (number: number): number => Math.max(1, Math.floor(number))

/** Whether the request was not sent because the id is too long for a path. */
const isTooLong = (answer: Either.Either<unknown, NotFoundError | WriteError>): boolean =>
  Either.isLeft(answer) && answer.left._tag === "TransportError" && answer.left.reason === "LongLine"

/** One line for each database and each user. */
const makeKeys = () => {
  const nobody = {}
  const users = new WeakMap<object, Map<string, object>>()
  return (database: string, auth: Option.Option<Auth>): object => {
    const user: object = Option.getOrElse(auth, () => nobody)
    const known = users.get(user) ?? new Map<string, object>()
    users.set(user, known)
    const key = known.get(database) ?? {}
    known.set(database, key)
    return key
  }
}

export const make = (couch: Service, options: Options): Effect.Effect<Service, never, Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const lineFor = makeKeys()
    const common = {
      maxSize: atLeastOne(options.maxSize ?? defaultSize),
      maxInFlight: atLeastOne(options.maxInFlight ?? defaultInFlight),
      window: options.window,
      scope,
      keyOf: <A, E>(fiber: Fiber.RuntimeFiber<A, E>, { database }: { readonly database: string }) =>
        lineFor(database, fiber.getFiberRef(currentAuth)),
      nameOf: ({ id }: { readonly id: string }) => id
    }
    const state = writeStateOf(couch)
    const context: BulkContext = { schedule: retryTransient(defaultRetry, Duration.minutes(1)), state }
    const onWire = Effect.provideService(CouchHttp, couch)

    const read = makeAsk<ReadDocument, ReadJson, NotFoundError | RequestError>({
      ...common,
      reads: true,
      // A single read is sent as without batching, unless its id is too long for a path.
      send: (batch) =>
        batch.length === 1
          ? Effect.flatMap(
            Effect.either(couch.readDocument(batch[0] as ReadDocument)),
            (answer) => isTooLong(answer) ? onWire(readWinners(batch)) : Effect.succeed([answer])
          )
          : onWire(readWinners(batch))
    })

    /** A delete of what is not there is no conflict, which only the single request tells. */
    const exactly = (write: WriteDocument, outcome: Either.Either<Written, WriteError>) =>
      write.deleted && Either.isLeft(outcome) && outcome.left._tag === "UpdateConflictError"
        ? Effect.map(Effect.either(couch.writeDocument(write)), (told) => isTooLong(told) ? outcome : told)
        : Effect.succeed(outcome)

    const writeTogether = (batch: ReadonlyArray<WriteDocument>) =>
      Effect.flatMap(
        onWire(writeAll(
          (batch[0] as WriteDocument).database,
          batch.map((write) => ({ write, text: textOf(write) })),
          context
        )),
        (outcomes) => Effect.forEach(batch, (write, i) => exactly(write, outcomes[i] as (typeof outcomes)[number]))
      )

    const write = makeAsk<WriteDocument, Written, WriteError>({
      ...common,
      reads: false,
      send: (batch) =>
        batch.length === 1
          ? Effect.flatMap(
            Effect.either(couch.writeDocument(batch[0] as WriteDocument)),
            (answer) => isTooLong(answer) ? writeTogether(batch) : Effect.succeed([answer])
          )
          : writeTogether(batch)
    })

    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        read.close()
        write.close()
      })
    )

    return withState({
      ...couch,
      readDocument: (question) => question.query === "" ? read.ask(question) : couch.readDocument(question),
      writeDocument: write.ask
    }, { writes: state, updates: { queues: new Map(), combineScope: scope } })
  })

export const layer = (options: Options = {}): Layer.Layer<CouchHttp, never, CouchHttp> =>
  Layer.scoped(CouchHttp, Effect.flatMap(CouchHttp, (couch) => make(couch, options)))
