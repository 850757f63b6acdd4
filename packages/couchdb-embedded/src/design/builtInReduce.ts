import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { Numeric } from "../encoding/arithmetic.js"
import { add, isNumeric, multiply } from "../encoding/arithmetic.js"
import * as Collation from "../encoding/collation.js"
import { print } from "../encoding/printJson.js"
import * as ErlangOrder from "../encoding/termOrder.js"
import { erlangTerm } from "../encoding/termText.js"
import type { Checked } from "../http/refusal.js"
import { internalError, refuse } from "../http/refusal.js"

interface Row {
  readonly key: Json.Json
  readonly value: Json.Json
}

/** Reduces the rows of one group to one value. */
export type Reduce = (rows: ReadonlyArray<Row>) => Checked<Json.Json>

const sumProblem = "The _sum function requires that map values be numbers, arrays of numbers, or objects. Objects " +
  "cannot be mixed with other data structures. Objects can be arbitrarily nested, provided that the values for all " +
  "fields are themselves numbers, arrays of numbers, or objects."

type Sum = Either.Either<Json.Json, { readonly cause: Json.Json } | { readonly crash: Json.Json }>

const notSummable = (cause: Json.Json): Sum => Either.left({ cause })

const sumArrays = (self: ReadonlyArray<Json.Json>, that: ReadonlyArray<Json.Json>): Sum => {
  const sums: Array<Json.Json> = []
  for (let i = 0; i < Math.max(self.length, that.length); i++) {
    const left = self[i]
    const right = that[i]
    if (left === undefined || right === undefined) sums.push(left ?? right ?? null)
    else if (isNumeric(left) && isNumeric(right)) sums.push(add(left, right))
    else return notSummable(self.slice(i))
  }
  return Either.right(sums)
}

const sumObjects = (self: Json.JsonObject, that: Json.JsonObject): Sum => {
  const members = new Map<string, Json.Json>(Json.entries(that))
  for (const [key, value] of Json.entries(self)) {
    const other = members.get(key)
    const sum = other === undefined ? Either.right(value) : sumValues(value, other)
    if (Either.isLeft(sum)) return sum
    members.set(key, sum.right)
  }
  return Either.right(Json.fromEntries(
    Array.from(members).sort(([left], [right]) => ErlangOrder.compare(left, right))
  ))
}

const sumValues = (value: Json.Json, sum: Json.Json): Sum => {
  if (isNumeric(value) && isNumeric(sum)) return Either.right(add(sum, value))
  if (Json.isArray(value) && Json.isArray(sum)) return sumArrays(sum, value)
  if (isNumeric(value) && Json.isArray(sum)) return sumArrays(sum, [value])
  if (Json.isArray(value) && isNumeric(sum)) return sumArrays([sum], value)
  if (!Json.isObject(value)) return notSummable(value)
  if (sum === 0) return Either.right(value)
  return Json.isObject(sum) ? sumObjects(value, sum) : Either.left({ crash: sum })
}

const sum: Reduce = (rows) => {
  let total: Json.Json = 0
  for (const { value } of rows) {
    const next: Sum = sumValues(value, total)
    if (Either.isLeft(next)) {
      return "crash" in next.left
        ? internalError(print(next.left.crash), "case_clause")
        : Either.right({ error: "builtin_reduce_error", reason: sumProblem, caused_by: next.left.cause })
    }
    total = next.right
  }
  return Either.right(total)
}

interface Stats {
  readonly sum: Numeric
  readonly count: Numeric
  readonly min: Numeric
  readonly max: Numeric
  readonly sumsqr: Numeric
}

const nonNumeric = (reason: string): Checked<never> => refuse(500, "invalid_value", reason, { ref: true })

const statsOf = (value: Json.Json): Checked<Stats> => {
  if (isNumeric(value)) {
    return Either.right({ sum: value, count: 1, min: value, max: value, sumsqr: multiply(value, value) })
  }
  if (!Json.isObject(value)) return nonNumeric(`non-numeric _stats input: ${erlangTerm(value)}`)
  const number = (name: string): Checked<Numeric> => {
    const member = Json.get(value, name)
    if (isNumeric(member)) return Either.right(member)
    return member === undefined
      ? nonNumeric(`user _stats input missing required field ${name} (${erlangTerm(value)})`)
      : nonNumeric(`non-numeric _stats input received for ${name}: ${erlangTerm(member)}`)
  }
  return Either.all({
    sum: number("sum"),
    count: number("count"),
    min: number("min"),
    max: number("max"),
    sumsqr: number("sumsqr")
  })
}

const min = (self: Numeric, that: Numeric): Numeric => Collation.compareNumbers(self, that) <= 0 ? self : that
const max = (self: Numeric, that: Numeric): Numeric => Collation.compareNumbers(self, that) >= 0 ? self : that

const mergeStats = (self: Stats, that: Stats): Stats => ({
  sum: add(self.sum, that.sum),
  count: add(self.count, that.count),
  min: min(self.min, that.min),
  max: max(self.max, that.max),
  sumsqr: add(self.sumsqr, that.sumsqr)
})

/** The statistics of numbers, or of each index of arrays of the same length. */
const stats: Reduce = (rows) =>
  Either.gen(function*() {
    const first = rows[0]?.value
    const width = Json.isArray(first) ? first.length : undefined
    const totals: Array<Stats> = []
    for (const { value } of rows) {
      if (Json.isArray(value) !== (width !== undefined) || (Json.isArray(value) && value.length !== width)) {
        return yield* internalError("function_clause")
      }
      for (const [i, item] of (Json.isArray(value) ? value : [value]).entries()) {
        const next: Stats = yield* statsOf(item)
        const before = totals[i]
        totals[i] = before === undefined ? next : mergeStats(before, next)
      }
    }
    const shown = totals.map((total): Json.Json => ({ ...total }))
    return width === undefined ? shown[0] ?? { sum: 0, count: 0, min: 0, max: 0, sumsqr: 0 } : shown
  })

const count: Reduce = (rows) => Either.right(rows.length)

/** Exact, unlike CouchDB, which estimates this number. */
const countDistinct: Reduce = (rows) => Either.right(new Set(rows.map(({ key }) => Json.stringify(key))).size)

/** The first distinct values in an order. */
const topValues = (sign: number, limit: number): Reduce => (rows) =>
  Either.right(
    rows.map(({ value }) => value)
      .sort((self, that) => sign * Collation.compare(self, that))
      .filter((value, i, values) => i === 0 || Collation.compare(value, values[i - 1] ?? null) !== 0)
      .slice(0, limit)
  )

const firstOrLast = (last: boolean): Reduce => (rows) => {
  const ends = rows.map((row) => row.value)
  return Either.right((last ? ends.at(-1) : ends[0]) ?? null)
}

const builtIns: ReadonlyArray<readonly [RegExp, (limit: number) => Reduce]> = [
  [/^_sum/, () => sum],
  [/^_count/, () => count],
  [/^_stats/, () => stats],
  [/^_approx_count_distinct/, () => countDistinct],
  [/^_top_(\d+)$/, (limit) => topValues(-1, limit)],
  [/^_bottom_(\d+)$/, (limit) => topValues(1, limit)],
  [/^_first/, () => firstOrLast(false)],
  [/^_last/, () => firstOrLast(true)]
]

/** The built-in reduce function of this name. It expects rows in ascending order. */
export const builtIn = (name: string): Reduce | undefined => {
  for (const [pattern, make] of builtIns) {
    const found = pattern.exec(name)
    if (found !== null) return make(Number(found[1] ?? 0))
  }
  return undefined
}
