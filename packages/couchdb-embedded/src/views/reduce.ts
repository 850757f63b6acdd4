import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import { builtIn } from "../design/builtInReduce.js"
import { interpret, toJson } from "../design/program.js"
import type { View } from "../functions/DesignFunctions.js"
import type { Functions } from "../functions/sources.js"
import type { Checked } from "../http/refusal.js"
import type { Database, Shard } from "../storage/state.js"
import { shardOf } from "../storage/state.js"
import type { Definition } from "./definition.js"
import type { Row } from "./rows.js"

/** Reduces groups of rows, each to one value. */
export type ReduceGroups = (groups: ReadonlyArray<ReadonlyArray<Row>>) => Checked<ReadonlyArray<Json.Json>>

/** One call of a reduce function: keys with ids, or `null` for a rereduce. */
interface Call {
  readonly keys: ReadonlyArray<Json.Json> | null
  readonly values: ReadonlyArray<Json.Json>
}

type Run = (calls: ReadonlyArray<Call>) => Checked<ReadonlyArray<Json.Json>>

const given = (reduce: NonNullable<View["reduce"]>): Run => (calls) =>
  Either.right(calls.map(({ keys, values }) => {
    try {
      const pairs = keys?.map((pair): readonly [unknown, string] => {
        const [key, id] = Json.isArray(pair) ? pair : []
        return [key === undefined ? null : Json.toPlain(key), typeof id === "string" ? id : ""]
      })
      return toJson(reduce(pairs ?? null, values.map(Json.toPlain), keys === null))
    } catch {
      return null
    }
  }))

const interpreted = (functions: Functions, { body, design, reduce, view }: Definition): Run => (calls) =>
  calls.length === 0 ? Either.right([]) : Either.map(
    interpret(
      functions,
      `the reduce of _design/${design}/_view/${view}`,
      "reduce",
      reduce ?? null,
      body,
      Json.stringify(calls.map(({ keys, values }) => [keys, values, keys === null]))
    ),
    (output) => Json.isArray(output) ? output : []
  )

/** Each shard reduces its own rows, and their results are reduced again. */
const byShard = (database: Database, run: Run): ReduceGroups => (groups) =>
  Either.gen(function*() {
    const calls: Array<Call> = []
    const shares = groups.map((rows) => {
      const shards = new Map<Shard, Array<Row>>()
      for (const row of rows) {
        const shard = shardOf(database, row.id)
        const share = shards.get(shard)
        if (share === undefined) shards.set(shard, [row])
        else share.push(row)
      }
      for (const share of shards.values()) {
        calls.push({ keys: share.map(({ id, key }) => [key, id]), values: share.map(({ value }) => value) })
      }
      return shards.size
    })
    const reduced = yield* run(calls)
    let at = 0
    return yield* run(shares.map((size) => {
      at += size
      return { keys: null, values: reduced.slice(at - size, at) }
    }))
  })

/** The reduce function of a view. */
export const reduceOf = (functions: Functions, database: Database, definition: Definition): ReduceGroups => {
  const known = builtIn(definition.reduce ?? "")
  if (known !== undefined) return (groups) => Either.all(groups.map(known))
  const functionOf = functions.given[definition.design]?.views?.[definition.view]?.reduce
  return byShard(database, functionOf === undefined ? interpreted(functions, definition) : given(functionOf))
}
