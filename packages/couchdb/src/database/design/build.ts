import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Json from "../../data/Json.js"
import { documentPath } from "../../data/path.js"
import type { CouchHttp } from "../../http/CouchHttp.js"
import { isOutOfTime, isTransient } from "../../http/retry.js"
import { send, sendDecoded } from "../../http/send.js"
import { verifyJson } from "../../http/verification.js"
import * as Database from "../Database.js"
import type { Address, Failure } from "./stored.js"

/** How often CouchDB is probed while it does not respond, or another service responds: for half a minute. */
const probeSchedule = Schedule.intersect(Schedule.exponential("1 second"), Schedule.recurs(5))

const isRecoverable = (error: Failure): boolean =>
  error._tag !== "InvalidIdError" && (isOutOfTime(error) || isTransient(error))

/**
 * Building an index may take hours. A request that waits for it runs into a timeout, of the client or of a proxy, and
 * is repeated. As long as CouchDB itself responds with the state of the design document meanwhile, the index is being
 * built.
 */
const untilBuilt = <A>(
  address: Address,
  effect: Effect.Effect<A, Failure, CouchHttp>
): Effect.Effect<A, Failure, CouchHttp> =>
  Effect.catchIf(effect, isRecoverable, () =>
    Effect.zipRight(
      Effect.retry(infoOf(address), { schedule: probeSchedule, while: isRecoverable }),
      Effect.delay(Effect.suspend(() => untilBuilt(address, effect)), "1 second")
    ))

const Committing = Schema.Struct({
  view_index: Schema.Struct({ waiting_commit: Schema.optionalWith(Schema.Boolean, { default: () => false }) })
})

/** The state of the index: `GET /{db}/_design/{ddoc}/_info`. */
const infoOf = (address: Address) =>
  sendDecoded(Committing, {
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

/** Finds a partition in each shard, by looking up the shards of generated ids. */
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
    const isDisabled = Json.isObject(options) && Json.get(options, "partitioned") === false
    if (isDisabled || !(yield* Database.info(database)).partitioned) return [undefined]
    return yield* partitions(database)
  })

const query = (address: Address, path: string, route: string) =>
  untilBuilt(
    address,
    Effect.asVoid(send({
      method: "GET",
      path,
      route,
      database: address.database,
      id: address.id,
      verify: verifyJson((json) => Json.isArray(Json.get(json, "rows")) || Json.isArray(Json.get(json, "hits")))
    }))
  )

/** How often the commit is checked: for longer than CouchDB delays a commit, which is five seconds. */
const commitPolls = Schedule.intersect(Schedule.spaced("500 millis"), Schedule.recurs(40))

/**
 * Waits until an index is committed to disk. CouchDB closes an index when the design document that opened it is
 * deleted, even if another one shares it; uncommitted parts would have to be rebuilt by the next reader. Under steady
 * writes a commit is always pending, so the wait is limited.
 */
export const untilCommitted = (address: Address): Effect.Effect<void, Failure, CouchHttp> =>
  infoOf(address).pipe(
    Effect.repeat({ schedule: commitPolls, while: ({ view_index }) => view_index.waiting_commit }),
    // Another deployment has already deleted the document.
    Effect.catchIf((error) => error._tag === "NotFoundError" && error.id === address.id, () => Effect.void),
    Effect.asVoid
  )

/**
 * Waits until the indexes of a design document are built. All views of a design document share an index, so it queries
 * one of them, for no rows; in a partitioned database once for each shard. A server without search has no search index
 * to wait for.
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
        yield* query(
          address,
          `${at}${design}/_view/${encodeURIComponent(view.value)}?limit=0&reduce=false`,
          `${route}/_design/{ddoc}/_view/{view}`
        )
      }
      for (const [kind, name] of search) {
        yield* Effect.catchTag(
          query(
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
