import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { JsonObject } from "../../data/Json.js"
import { conflictBackoff } from "../../http/backoff.js"
import type { CouchHttp } from "../../http/CouchHttp.js"
import type { UpdateConflictError } from "../../http/errors.js"
import * as Database from "../Database.js"
import type { Deployment } from "../DesignDocument.js"
import { build, untilCommitted } from "./build.js"
import { differences, digest, hasIndexes, indexPart, normalOf, same } from "./normal.js"
import { type Address, address, type Failure, read, remove, write } from "./stored.js"

export type DeployFailure = Failure | UpdateConflictError

/** The maximum number of retries after conflicts with concurrent deployments. */
const maxRetries = 10

const retryConflicts = <A, R>(effect: Effect.Effect<A, DeployFailure, R>): Effect.Effect<A, DeployFailure, R> =>
  Effect.retry(effect, { schedule: conflictBackoff(maxRetries), while: ({ _tag }) => _tag === "UpdateConflictError" })

/** The name of the document that builds the new indexes. It contains a digest of their definitions. */
export const stagedName = (name: string, body: JsonObject): string => `${name}~staged-${digest(body)}`

/** Writes the document unless it is stored with this body. Returns whether it was written. */
const ensureWritten = (at: Address, body: JsonObject): Effect.Effect<boolean, DeployFailure, CouchHttp> =>
  retryConflicts(
    Effect.flatMap(read(at), (found) =>
      Option.exists(found, (stored) => same(normalOf(stored.body), normalOf(body)))
        ? Effect.succeed(false)
        : Effect.as(write(at, found, body), true))
  )

/** Deletes the document if it exists. Returns whether it existed. */
const ensureDeleted = (at: Address): Effect.Effect<boolean, DeployFailure, CouchHttp> =>
  retryConflicts(Effect.flatMap(
    read(at),
    Option.match({
      onNone: () => Effect.succeed(false),
      onSome: (stored) =>
        Effect.as(remove(at, stored), true).pipe(
          Effect.catchIf(
            (error) => error._tag === "NotFoundError" && (error.reason === "deleted" || error.reason === "missing"),
            () => Effect.succeed(false)
          )
        )
    })
  ))

/**
 * Deploys in steps, each of which leaves a state from which the deployment can be run again. The staged document is
 * deleted last, so its presence marks an unfinished deployment.
 */
export const deploy = (
  database: string,
  name: string,
  body: JsonObject,
  cleanUp: boolean
): Effect.Effect<Deployment, DeployFailure, CouchHttp> =>
  Effect.gen(function*() {
    const at = yield* address(database, name)
    const staged = yield* address(database, stagedName(name, body))
    const finish = Effect.all([
      build(at, indexPart(body)),
      cleanUp ? Database.cleanUpViews(database) : Effect.void,
      untilCommitted(staged),
      ensureDeleted(staged)
    ])
    const found = yield* read(at)
    const before = Option.match(found, { onNone: (): JsonObject => ({}), onSome: (stored) => stored.body })
    if (Option.isSome(found) && same(normalOf(before), normalOf(body))) {
      // An earlier deployment may have been interrupted.
      if (hasIndexes(body)) yield* Option.isSome(yield* read(staged)) ? finish : build(at, indexPart(body))
      return { _tag: "Unchanged" as const }
    }
    const rebuilds = hasIndexes(body) && !same(indexPart(before), indexPart(body))
    // A new document has no readers, so its indexes need no staging.
    const stages = rebuilds && Option.isSome(found)
    if (stages) {
      yield* ensureWritten(staged, indexPart(body))
      yield* build(staged, indexPart(body))
    }
    const written = yield* ensureWritten(at, body)
    if (stages) yield* finish
    else if (rebuilds) yield* build(at, indexPart(body))
    else if (cleanUp && Option.isSome(found) && hasIndexes(before) && !hasIndexes(body)) {
      yield* Database.cleanUpViews(database)
    }
    return written
      ? {
        _tag: "Deployed" as const,
        rebuilt: rebuilds,
        differences: differences(Option.map(found, ({ body }) => body), body)
      }
      : { _tag: "Unchanged" as const }
  })

export const removeDesign = (database: string, name: string): Effect.Effect<boolean, DeployFailure, CouchHttp> =>
  Effect.gen(function*() {
    const existed = yield* Effect.flatMap(address(database, name), ensureDeleted)
    if (existed) yield* Database.cleanUpViews(database)
    return existed
  })
