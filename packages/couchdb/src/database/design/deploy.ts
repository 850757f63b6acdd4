import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { JsonObject } from "../../data/Json.js"
import { conflictBackoff } from "../../http/backoff.js"
import type { CouchHttp } from "../../http/CouchHttp.js"
import type { UpdateConflictError } from "../../http/errors.js"
import * as Database from "../Database.js"
import type { Deployment } from "../DesignDocument.js"
import { build, kept } from "./build.js"
import { differences, digest, hasIndexes, indexPart, normalOf, same } from "./normal.js"
import { type Address, address, type Failure, read, remove, write } from "./stored.js"

export type DeployFailure = Failure | UpdateConflictError

/** Others who deploy are met a few times at the most. */
const times = 10

const again = <A, R>(effect: Effect.Effect<A, DeployFailure, R>): Effect.Effect<A, DeployFailure, R> =>
  Effect.retry(effect, { schedule: conflictBackoff(times), while: ({ _tag }) => _tag === "UpdateConflictError" })

/** The document that has the new indexes built, under a name that follows from what they are made of. */
const stagedName = (name: string, body: JsonObject): string => `${name}~staged-${digest(body)}`

/** Makes sure that the document is there with this body, and tells whether it had to be written. */
const put = (at: Address, body: JsonObject): Effect.Effect<boolean, DeployFailure, CouchHttp> =>
  again(
    Effect.flatMap(read(at), (found) =>
      Option.exists(found, (stored) => same(normalOf(stored.body), normalOf(body)))
        ? Effect.succeed(false)
        : Effect.as(write(at, found, body), true))
  )

/** Makes sure that the document is not there, and tells whether it was. */
const drop = (at: Address): Effect.Effect<boolean, DeployFailure, CouchHttp> =>
  again(Effect.flatMap(
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
 * Each step leaves a state from which the whole can be run again: what is staged stays until all else is done, so that it
 * tells of what is left to do.
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
      kept(staged),
      drop(staged)
    ])
    const found = yield* read(at)
    const before = Option.match(found, { onNone: (): JsonObject => ({}), onSome: (stored) => stored.body })
    if (Option.isSome(found) && same(normalOf(before), normalOf(body))) {
      // Somebody was interrupted before the end.
      if (hasIndexes(body)) yield* Option.isSome(yield* read(staged)) ? finish : build(at, indexPart(body))
      return { _tag: "Unchanged" as const }
    }
    const rebuilds = hasIndexes(body) && !same(indexPart(before), indexPart(body))
    // What nobody had so far, nobody reads.
    const stages = rebuilds && Option.isSome(found)
    if (stages) {
      yield* put(staged, indexPart(body))
      yield* build(staged, indexPart(body))
    }
    const written = yield* put(at, body)
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
    const there = yield* Effect.flatMap(address(database, name), drop)
    if (there) yield* Database.cleanUpViews(database)
    return there
  })
