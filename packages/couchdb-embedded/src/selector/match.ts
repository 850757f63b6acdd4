import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Collation from "../encoding/collation.js"
import * as ErlangOrder from "../encoding/termOrder.js"
import type { Checked } from "../http/refusal.js"
import { refuse } from "../http/refusal.js"
import { normalise, onlyMember } from "./normalise.js"
import type { Path } from "./path.js"
import * as Paths from "./path.js"
import { compileRegex } from "./regex.js"

/** Tests a value. */
export type Matcher = (value: Json.Json) => boolean

type Compare = (self: Json.Json, that: Json.Json) => number

const typeOf = (value: Json.Json): string => {
  if (value === null) return "null"
  if (Json.isArray(value)) return "array"
  return Json.isRawNumber(value) ? "number" : typeof value
}

const list = (value: Json.Json): ReadonlyArray<Json.Json> => Json.isArray(value) ? value : []

const all = (matchers: ReadonlyArray<Matcher>): Matcher => (value) => matchers.every((matcher) => matcher(value))

// `$or` without alternatives matches everything.
const any = (matchers: ReadonlyArray<Matcher>): Matcher => (value) =>
  matchers.length === 0 || matchers.some((matcher) => matcher(value))

const isIn = (wanted: ReadonlyArray<Json.Json>, compare: Compare): Matcher => (value) =>
  Json.isArray(value)
    ? wanted.some((item) => value.some((other) => compare(other, item) === 0))
    : wanted.some((item) => compare(value, item) === 0)

const holdsAll = (wanted: ReadonlyArray<Json.Json>): Matcher => (value) => {
  if (wanted.length === 0 || !Json.isArray(value)) return false
  const [single, ...more] = wanted
  return wanted.every((item) => value.some((other) => Json.equals(item, other))) ||
    (more.length === 0 && Json.isArray(single) && Json.equals(single, value))
}

const integerOf = (value: Json.Json | undefined): bigint | undefined => {
  // A number that prints with an exponent is a float in CouchDB.
  if (typeof value === "number") return /^-?\d+$/.test(String(value)) ? BigInt(value) : undefined
  return Json.isRawNumber(value) && !/[.eE]/.test(value.text) ? BigInt(value.text) : undefined
}

const modulo = (argument: Json.Json): Matcher => {
  const [divisor, remainder] = list(argument).map(integerOf)
  return (value) => {
    const integer = integerOf(value)
    return integer !== undefined && divisor !== undefined && divisor !== 0n && integer % divisor === remainder
  }
}

const comparison = (argument: Json.Json, compare: Compare, meets: (order: number) => boolean): Matcher => (value) =>
  meets(compare(value, argument))

const regex = (argument: Json.Json): Matcher => {
  const compiled = typeof argument === "string" ? compileRegex(argument) : undefined
  return (value) => typeof value === "string" && compiled?.test(value) === true
}

const compileOperator = (operator: string, argument: Json.Json, compare: Compare): Matcher | undefined => {
  switch (operator) {
    case "$lt":
      return comparison(argument, compare, (order) => order < 0)
    case "$lte":
      return comparison(argument, compare, (order) => order <= 0)
    case "$eq":
      return comparison(argument, compare, (order) => order === 0)
    case "$ne":
      return comparison(argument, compare, (order) => order !== 0)
    case "$gte":
      return comparison(argument, compare, (order) => order >= 0)
    case "$gt":
      return comparison(argument, compare, (order) => order > 0)
    case "$in":
      return isIn(list(argument), compare)
    case "$nin": {
      const inside = isIn(list(argument), compare)
      return (value) => !inside(value)
    }
    case "$all":
      return holdsAll(list(argument))
    case "$exists":
      return () => argument === true
    case "$type":
      return (value) => typeOf(value) === argument
    case "$mod":
      return modulo(argument)
    case "$beginsWith":
      return (value) => typeof value === "string" && typeof argument === "string" && value.startsWith(argument)
    case "$regex":
      return regex(argument)
    case "$size":
      return (value) => Json.isArray(value) && Collation.compare(value.length, argument) === 0
    case "$default":
      return () => true
    default:
      return undefined
  }
}

const compileNested = (operator: string, inner: Matcher): Matcher | undefined => {
  switch (operator) {
    case "$not":
      return (value) => !inner(value)
    case "$elemMatch":
      return (value) => Json.isArray(value) && value.some(inner)
    case "$allMatch":
      return (value) => Json.isArray(value) && value.length > 0 && value.every(inner)
    case "$keyMapMatch":
      return (value) => Json.isObject(value) && Json.keys(value).some(inner)
    default:
      return undefined
  }
}

const nestedOperators = new Set(["$not", "$elemMatch", "$allMatch", "$keyMapMatch"])

const field = (path: Path, condition: Json.Json, matcher: Matcher): Matcher => {
  // A missing field matches `$exists: false` only.
  const missing = onlyMember(condition)?.[0] === "$exists" && onlyMember(condition)?.[1] === false
  return (document) => {
    const found = Paths.find(document, path)
    return typeof found === "string" ? missing && found === "missing" : matcher(found.value)
  }
}

const compileWith = (selector: Json.Json, compare: Compare): Checked<Matcher> => {
  const found = onlyMember(selector)
  if (found === undefined) return Either.right(() => true)
  const [name, argument] = found
  if (name === "$and" || name === "$or") {
    return Either.map(
      Either.all(list(argument).map((part) => compileWith(part, compare))),
      name === "$and" ? all : any
    )
  }
  if (nestedOperators.has(name)) {
    return Either.map(compileWith(argument, compare), (inner) => compileNested(name, inner) ?? inner)
  }
  if (name === "") return compileWith(argument, compare)
  if (name.startsWith("$")) {
    const matcher = compileOperator(name, argument, compare)
    return matcher === undefined
      ? refuse(400, "invalid_operator", `Invalid operator: ${name}`)
      : Either.right(matcher)
  }
  return Either.gen(function*() {
    const path = yield* Paths.parse(name)
    // Ids are compared by their bytes.
    const matcher = yield* compileWith(argument, name === "_id" ? ErlangOrder.compare : compare)
    return field(path, argument, matcher)
  })
}

/** Compiles a normalised selector. */
export const compile = (selector: Json.Json): Checked<Matcher> => compileWith(selector, Collation.compare)

/** Compiles a selector. */
export const matcherOf = (selector: Json.JsonObject): Checked<Matcher> => Either.flatMap(normalise(selector), compile)
