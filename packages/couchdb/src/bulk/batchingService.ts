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
import { Batcher } from "./batcher.js"
import type { Options } from "./Batching.js"

const defaultSize = 400

// Keeps a server busy while responses are read, and still lets batches fill.
const defaultInFlight = 8

const atLeastOne = (number: number): number => Math.max(1, Math.floor(number))

/** Whether the request was not sent because the id is too long for a path. */
const isTooLong = (result: Either.Either<unknown, NotFoundError | WriteError>): boolean =>
  Either.isLeft(result) && result.left._tag === "TransportError" && result.left.reason === "LongLine"

/** Creates one key for each database and user, since only their requests may share a batch. */
const makeKeys = () => {
  const noUser = {}
  const users = new WeakMap<object, Map<string, object>>()
  return (database: string, auth: Option.Option<Auth>): object => {
    const user: object = Option.getOrElse(auth, () => noUser)
    const databases = users.get(user) ?? new Map<string, object>()
    users.set(user, databases)
    const key = databases.get(database) ?? {}
    databases.set(database, key)
    return key
  }
}

/** Sends reads. A single read is sent as without batching, unless its id is too long for a path. */
const sendReads = (couch: Service) => (batch: ReadonlyArray<ReadDocument>) => {
  const [first] = batch
  const together = Effect.provideService(readWinners(batch), CouchHttp, couch)
  return batch.length > 1 || first === undefined
    ? together
    : Effect.flatMap(
      Effect.either(couch.readDocument(first)),
      (result) => isTooLong(result) ? together : Effect.succeed([result])
    )
}

/** Sends writes. A single write is sent as without batching, unless its id is too long for a path. */
const sendWrites = (couch: Service, context: BulkContext) => (batch: ReadonlyArray<WriteDocument>) => {
  const [first] = batch
  if (first === undefined) return Effect.succeed([])
  /** Deleting a document that does not exist is not a conflict, but only a single request reports that. */
  const exactly = (write: WriteDocument, outcome: Either.Either<Written, WriteError>) =>
    write.deleted && Either.isLeft(outcome) && outcome.left._tag === "UpdateConflictError"
      ? Effect.map(Effect.either(couch.writeDocument(write)), (exact) => isTooLong(exact) ? outcome : exact)
      : Effect.succeed(outcome)
  const rows = batch.map((write) => ({ write, text: textOf(write) }))
  const together = Effect.flatMap(
    Effect.provideService(writeAll(first.database, rows, context), CouchHttp, couch),
    (outcomes) => Effect.forEach(batch, (write, i) => exactly(write, outcomes[i] as (typeof outcomes)[number]))
  )
  return batch.length > 1
    ? together
    : Effect.flatMap(
      Effect.either(couch.writeDocument(first)),
      (result) => isTooLong(result) ? together : Effect.succeed([result])
    )
}

export const make = (couch: Service, options: Options): Effect.Effect<Service, never, Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const keyFor = makeKeys()
    const common = {
      maxSize: atLeastOne(options.maxSize ?? defaultSize),
      maxInFlight: atLeastOne(options.maxInFlight ?? defaultInFlight),
      window: options.window,
      scope,
      keyOf: <A, E>(fiber: Fiber.RuntimeFiber<A, E>, { database }: { readonly database: string }) =>
        keyFor(database, fiber.getFiberRef(currentAuth)),
      nameOf: ({ id }: { readonly id: string }) => id
    }
    const state = writeStateOf(couch)
    const context: BulkContext = { schedule: retryTransient(defaultRetry, Duration.minutes(1)), state }
    const reads = new Batcher<ReadDocument, ReadJson, NotFoundError | RequestError>({
      ...common,
      reads: true,
      send: sendReads(couch)
    })
    const writes = new Batcher<WriteDocument, Written, WriteError>({
      ...common,
      reads: false,
      send: sendWrites(couch, context)
    })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        reads.close()
        writes.close()
      })
    )
    return withState({
      ...couch,
      readDocument: (read) => read.query === "" ? reads.request(read) : couch.readDocument(read),
      writeDocument: (write) => writes.request(write)
    }, { writes: state, updates: { queues: new Map(), combineScope: scope } })
  })

export const layer = (options: Options = {}): Layer.Layer<CouchHttp, never, CouchHttp> =>
  Layer.scoped(CouchHttp, Effect.flatMap(CouchHttp, (couch) => make(couch, options)))
