import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Utf8 from "../encoding/utf8.js"
import type { Checked } from "../http/refusal.js"
import { fields as fieldsOfSelector } from "../selector/normalise.js"
import type { Database } from "../storage/state.js"
import type { Cursor, Trace } from "./cursor.js"
import * as Cursors from "./cursor.js"
import type { Index } from "./indexes.js"
import * as Indexes from "./indexes.js"
import type { FindOptions } from "./options.js"
import { indexableFields } from "./ranges.js"

const without = (self: ReadonlyArray<Index>, that: ReadonlyArray<Index>): ReadonlyArray<Index> =>
  self.filter((index) => !that.includes(index))

interface Analysis {
  readonly usable: boolean
  readonly reason: string
  readonly ranking: number
}

/** Why each other index was not chosen. An index that failed several tests adds up its rankings. */
const analyse = (cursor: Cursor, options: FindOptions): ReadonlyMap<Index, Analysis> => {
  const { all, filtered, global, inScope, ofType, ranked, usable }: Trace = cursor.trace
  const sort = options.sort.map(([field]) => field)
  const stages: ReadonlyArray<readonly [ReadonlyArray<Index>, boolean, (index: Index) => string]> = [
    [without(filtered, ofType), true, () => "unfavored_type"],
    [without(usable, filtered), true, () => "excluded_by_user"],
    [
      without(inScope, usable),
      false,
      (index) => Indexes.reasonsAgainst(index, options.selector, sort)[0] ?? "field_mismatch"
    ],
    [without(global, inScope), false, () => "scope_mismatch"],
    [without(all, global), false, () => "is_partial"]
  ]
  const found = new Map<Index, Analysis>()
  const add = (index: Index, { ranking, reason, usable }: Analysis): void => {
    const before = found.get(index)
    found.set(index, {
      usable: usable && before?.usable !== false,
      reason: before?.reason ?? reason,
      ranking: ranking + (before?.ranking ?? 0)
    })
  }
  let ranking = Math.max(1, ranked.length)
  const rankings = stages.map(([indexes], i) => {
    if (i > 0 && (stages[i - 1]?.[0].length ?? 0) > 0) ranking++
    return { indexes, ranking }
  })
  for (const [i, [indexes, usable, reasonOf]] of Array.from(stages.entries()).reverse()) {
    for (const index of indexes) add(index, { usable, reason: reasonOf(index), ranking: rankings[i]?.ranking ?? 1 })
  }
  ranked.forEach(({ distance, index }, ranking) => {
    const wider = index.fields.length > (cursor.index?.fields.length ?? 0)
    const reason = distance > 0 ? "less_overlap" : wider ? "too_many_fields" : "alphabetically_comes_after"
    add(index, { usable: true, reason, ranking })
  })
  return found
}

const candidates = (cursor: Cursor, options: FindOptions): Json.Json => {
  const analyses = analyse(cursor, options)
  return Array.from(cursor.trace.all).reverse().flatMap((index): ReadonlyArray<Json.Json> => {
    const analysis = analyses.get(index)
    if (index === cursor.index || analysis === undefined) return []
    return [{
      index: Indexes.toJson(index),
      analysis: {
        usable: analysis.usable,
        reasons: [{ name: analysis.reason }],
        ranking: analysis.ranking,
        covering: index.ddoc === undefined ? null : Indexes.covers(index, options.fields)
      }
    }]
  })
}

const hints = (selector: Json.JsonObject): Json.Json => {
  const indexable = Array.from(new Set(indexableFields(selector).map((field) => field.split(":", 1)[0] ?? "")))
  const others = Array.from(new Set(fieldsOfSelector(selector))).filter((field) => !indexable.includes(field))
  return [{
    type: "json",
    indexable_fields: indexable.sort(Utf8.compare),
    unindexable_fields: others.sort(Utf8.compare)
  }]
}

const view = (cursor: Cursor, index: Index, options: FindOptions): Json.JsonObject => {
  const required = options.fields === undefined
    ? undefined
    : [...options.fields, ...fieldsOfSelector(options.selector)]
  const covering = Indexes.covers(index, required)
  const empty = cursor.ranges.includes("empty")
  const start = Cursors.startOf(cursor.ranges)
  const end = Cursors.endOf(cursor.ranges)
  const whole = index.ddoc === undefined
  const startKey: Json.Json = empty ? null : whole ? start.length === 0 ? "" : start[0] ?? null : start
  const endKey: Json.Json = empty ? null : whole ? end.length === 0 ? "<MAX>" : end[0] ?? null : [...end, "<MAX>"]
  const reverse = options.sort[0]?.[1] === "desc"
  return {
    mrargs: {
      include_docs: options.r === 1 && !covering,
      view_type: "map",
      reduce: false,
      partition: options.partition === "" ? null : options.partition,
      start_key: reverse ? endKey : startKey,
      end_key: reverse ? startKey : endKey,
      direction: reverse ? "rev" : "fwd",
      stable: options.stable || options.stale,
      update: options.update && !options.stale,
      conflicts: options.conflicts ? true : "undefined"
    },
    covering
  }
}

/** The response of `_explain`. */
export const explain = (database: Database, options: FindOptions): Checked<Json.JsonObject> =>
  Either.map(Cursors.create(database, options, true), (cursor) => {
    const fields = options.fields ?? []
    return {
      dbname: database.name,
      index: cursor.index === undefined ? null : Indexes.toJson(cursor.index),
      partitioned: database.partitioned,
      selector: options.selector,
      opts: {
        use_index: options.useIndex,
        bookmark: options.bookmark ?? "nil",
        limit: options.limit,
        skip: options.skip,
        sort: Json.fromEntries(options.sort),
        fields,
        partition: options.partition,
        r: options.r,
        conflicts: options.conflicts,
        stale: options.stale ? "ok" : false,
        update: options.update,
        stable: options.stable,
        execution_stats: options.executionStats,
        allow_fallback: options.allowFallback
      },
      limit: options.limit,
      skip: options.skip,
      fields,
      index_candidates: candidates(cursor, options),
      selector_hints: hints(options.selector),
      ...(cursor.index === undefined ? undefined : view(cursor, cursor.index, options))
    }
  })
