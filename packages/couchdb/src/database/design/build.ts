import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Json from "../../data/Json.js"
import { documentPath } from "../../data/path.js"
import { ask, askFor } from "../../http/ask.js"
import type { CouchHttp } from "../../http/CouchHttp.js"
import { isOutOfTime, isTransient } from "../../http/retry.js"
import { verifyJson } from "../../http/verification.js"
import * as Database from "../Database.js"
import type { Address, Failure } from "./stored.js"

/** How often CouchDB is asked whether it is there, while something else answers or nothing does: for half a minute. */
const probes = Schedule.intersect(Schedule.exponential("1 second"), Schedule.recurs(5))

const isPassing = (error: Failure): boolean =>
  error._tag !== "InvalidIdError" && (isOutOfTime(error) || isTransient(error))

/**
 * An index may take hours: a request for it meets a deadline, its own or that of a proxy, and is sent again. As long as
 * CouchDB itself answers for the design document meanwhile, the index is being built.
 */
const untilBuilt = <A>(
  address: Address,
  effect: Effect.Effect<A, Failure, CouchHttp>
): Effect.Effect<A, Failure, CouchHttp> =>
  Effect.catchIf(effect, isPassing, () =>
    Effect.zipRight(
      Effect.retry(infoOf(address), { schedule: probes, while: isPassing }),
      Effect.delay(Effect.suspend(() => untilBuilt(address, effect)), "1 second")
    ))

const Committing = Schema.Struct({
  view_index: Schema.Struct({ waiting_commit: Schema.optionalWith(Schema.Boolean, { default: () => false }) })
})

/** What CouchDB reports of the index of a design document: `GET /{db}/_design/{ddoc}/_info`. */
const infoOf = (address: Address) =>
  askFor(Committing, {
    method: "GET",
    path: `${documentPath(address.database, address.id)}/_info`,
    route: "/{db}/_design/{ddoc}/_info",
    database: address.database,
    id: address.id
  })

const members = (body: Json.JsonObject, group: string): ReadonlyArray<string> => {
  const value = Json.get(body, group)
  return Json.isObject(value) ? Json.keys(value).filter((key) => key !== "lib") : []
}

/** A partition for each shard, found by asking where partitions would be. */
const partitions = (database: string): Effect.Effect<ReadonlyArray<string>, Failure, CouchHttp> =>
  Effect.gen(function*() {
    const ranges = new Set(Object.keys(yield* Database.shards(database)))
    const found: Array<string> = []
    for (let i = 0; ranges.size > 0 && i < 10_000; i++) {
      const { range } = yield* Database.shardOf(database, `p${i}:x`)
      if (ranges.delete(range)) found.push(`p${i}`)
    }
    return found
  })

const inPartitions = (database: string, body: Json.JsonObject) =>
  Effect.gen(function*() {
    const options = Json.get(body, "options")
    const off = Json.isObject(options) && Json.get(options, "partitioned") === false
    if (off || !(yield* Database.info(database)).partitioned) return [undefined]
    return yield* partitions(database)
  })

const get = (address: Address, path: string, route: string) =>
  untilBuilt(
    address,
    Effect.asVoid(ask({
      method: "GET",
      path,
      route,
      database: address.database,
      id: address.id,
      verify: verifyJson((json) => Json.isArray(Json.get(json, "rows")) || Json.isArray(Json.get(json, "hits")))
    }))
  )

/** So often it is looked, and so many times: longer than CouchDB waits with a commit, which is five seconds. */
const looks = Schedule.intersect(Schedule.spaced("500 millis"), Schedule.recurs(40))

/**
 * Waits until an index is on disk. CouchDB closes it when the design document is removed that it was opened by, even if
 * another one has it too, and what was not committed would have to be built again by the next reader. Under steady writes
 * something always waits for its commit; then it is enough that there was one.
 */
export const kept = (address: Address): Effect.Effect<void, Failure, CouchHttp> =>
  infoOf(address).pipe(
    Effect.repeat({ schedule: looks, while: ({ view_index }) => view_index.waiting_commit }),
    // Another deployment was faster.
    Effect.catchIf((error) => error._tag === "NotFoundError" && error.id === address.id, () => Effect.void),
    Effect.asVoid
  )

/**
 * Waits until the indexes of a design document are built. All views of one share an index, so one of them is asked, for
 * no rows; in a partitioned database once for each shard. A server without search has no search index to wait for.
 */
export const build = (address: Address, body: Json.JsonObject): Effect.Effect<void, Failure, CouchHttp> =>
  Effect.gen(function*() {
    const base = documentPath(address.database)
    const design = documentPath(address.database, address.id).slice(base.length)
    const view = Option.fromNullable(members(body, "views")[0])
    const search = [
      ...members(body, "nouveau").map((name) => ["_nouveau", name] as const),
      ...members(body, "indexes").map((name) => ["_search", name] as const)
    ]
    for (const partition of yield* inPartitions(address.database, body)) {
      const at = partition === undefined ? base : `${base}/_partition/${partition}`
      const route = partition === undefined ? "/{db}" : "/{db}/_partition/{partition}"
      if (Option.isSome(view)) {
        yield* get(
          address,
          `${at}${design}/_view/${encodeURIComponent(view.value)}?limit=0&reduce=false`,
          `${route}/_design/{ddoc}/_view/{view}`
        )
      }
      for (const [kind, name] of search) {
        yield* Effect.catchTag(
          get(
            address,
            `${at}${design}/${kind}/${encodeURIComponent(name)}?q=*:*&limit=1`,
            `${route}/_design/{ddoc}/${kind}/{index}`
          ),
          "NotFoundError",
          () => Effect.void
        )
      }
    }
  })
