import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import { erlangTerm } from "../encoding/termText.js"
import type { Checked } from "../http/refusal.js"
import { refuse } from "../http/refusal.js"
import { compileRegex } from "./regex.js"

/** A selector in CouchDB's normal form: every object has one member, and negations apply to fields. */
export type Selector = Json.JsonObject

/** The member of an object with exactly one member. */
export const onlyMember = (value: Json.Json): readonly [string, Json.Json] | undefined => {
  if (!Json.isObject(value)) return undefined
  const members = Json.entries(value)
  return members.length === 1 ? members[0] : undefined
}

const isInteger = (value: Json.Json | undefined): boolean =>
  (typeof value === "number" && Number.isInteger(value)) || (Json.isRawNumber(value) && !/[.eE]/.test(value.text))

const member = (name: string, value: Json.Json): Selector => Json.fromEntries([[name, value]])

const badArgument = (operator: string, argument: Json.Json): Checked<never> =>
  refuse(400, "bad_arg", `Bad argument for operator ${operator}: ${erlangTerm(argument)}`)

const combinations = new Set(["$and", "$or", "$nor"])
const matches = new Set(["$elemMatch", "$allMatch", "$keyMapMatch"])
const comparisons = new Set(["$lt", "$lte", "$eq", "$ne", "$gte", "$gt", "$default"])
const unsupported = new Set(["$where", "$geoWithin", "$geoIntersects", "$near", "$nearSphere"])

const arguments_: Readonly<Record<string, (argument: Json.Json) => boolean>> = {
  $in: Json.isArray,
  $nin: Json.isArray,
  $all: Json.isArray,
  $exists: (argument) => typeof argument === "boolean",
  $type: (argument) => typeof argument === "string",
  $mod: (argument) => Json.isArray(argument) && argument.length === 2 && argument.every(isInteger),
  $regex: (argument) => typeof argument === "string" && compileRegex(argument) !== undefined,
  $size: (argument) => isInteger(argument) && Number(argument) >= 0,
  $beginsWith: (argument) => typeof argument === "string"
}

const operators = (value: Json.Json): Checked<Json.Json> => {
  if (!Json.isObject(value)) return Either.right({ $eq: value })
  const members = Json.entries(value)
  if (members.length > 1) {
    return Either.map(
      Either.all(members.map(([name, inner]) => operators(member(name, inner)))),
      (parts) => ({ $and: parts })
    )
  }
  const [first] = members
  if (first === undefined) return Either.right({ $eq: value })
  const [name, argument] = first
  if (combinations.has(name)) {
    return Json.isArray(argument)
      ? Either.map(Either.all(argument.map(operators)), (parts) => member(name, parts))
      : badArgument(name, argument)
  }
  if (name === "$not" || matches.has(name)) {
    return Json.isObject(argument)
      ? Either.map(operators(argument), (inner) => member(name, inner))
      : badArgument(name, argument)
  }
  if (name === "$text") {
    return Json.isArray(argument) || Json.isObject(argument) || argument === null
      ? badArgument(name, argument)
      : Either.right({ $default: { $text: argument } })
  }
  if (Object.hasOwn(arguments_, name)) {
    return arguments_[name]?.(argument) === true ? Either.right(value) : badArgument(name, argument)
  }
  if (comparisons.has(name)) return Either.right(value)
  if (unsupported.has(name)) return refuse(400, "not_supported", `Unsupported operator: ${name}`)
  return name.startsWith("$")
    ? refuse(400, "invalid_operator", `Invalid operator: ${name}`)
    : Either.map(operators(argument), (inner) => member(name, inner))
}

const badField = (value: Json.Json): Checked<never> =>
  refuse(400, "bad_field", `Invalid field normalization on selector: ${erlangTerm(value)}`)

const fieldsOf = (value: Json.Json, path: string): Checked<Json.Json> => {
  const found = onlyMember(value)
  if (found === undefined) return badField(value)
  const [name, argument] = found
  if (combinations.has(name) && Json.isArray(argument)) {
    return Either.map(
      Either.all(argument.map((part) => fieldsOf(part, path))),
      (parts) => member(name, parts)
    )
  }
  if (name === "$not") return Either.map(fieldsOf(argument, path), (inner) => member(name, inner))
  if (matches.has(name)) return Either.map(fieldsOf(argument, ""), (inner) => member(path, member(name, inner)))
  if (name === "$default") return path === "" ? Either.right(value) : badField(value)
  if (name.startsWith("$")) return Either.right(member(path, value))
  return fieldsOf(argument, path === "" ? name : `${path}.${name}`)
}

const partsOf = (value: Json.Json): ReadonlyArray<Json.Json> => Json.isArray(value) ? value : []

const negations = (value: Json.Json): Checked<Json.Json> => {
  const found = onlyMember(value)
  if (found === undefined) return Either.right(value)
  const [name, argument] = found
  if (name === "$not") return negate(argument)
  if (name === "$nor") return each("$and", argument, negate)
  if (name === "$and" || name === "$or") return each(name, argument, negations)
  return Either.right(value)
}

const each = (
  name: string,
  argument: Json.Json,
  change: (value: Json.Json) => Checked<Json.Json>
): Checked<Json.Json> => Either.map(Either.all(partsOf(argument).map(change)), (parts) => member(name, parts))

const opposites: Readonly<Record<string, string>> = {
  $lt: "$gte",
  $lte: "$gt",
  $eq: "$ne",
  $ne: "$eq",
  $gte: "$lt",
  $gt: "$lte",
  $in: "$nin",
  $nin: "$in"
}

const negate = (value: Json.Json): Checked<Json.Json> => {
  const found = onlyMember(value)
  if (found === undefined) return Either.right({ $not: value })
  const [name, argument] = found
  if (name === "$not") return negations(argument)
  if (name === "$nor") return each("$or", argument, negations)
  if (name === "$and") return each("$or", argument, negate)
  if (name === "$or") return each("$and", argument, negate)
  if (name === "$default") return badArgument("$not", value)
  const opposite = Object.hasOwn(opposites, name) ? opposites[name] : undefined
  if (opposite !== undefined) return Either.right(member(opposite, argument))
  if (name === "$exists") return Either.right({ $exists: argument !== true })
  if (name.startsWith("$")) return Either.right({ $not: value })
  return Either.map(negate(argument), (inner) => member(name, inner))
}

/** Normalises a selector. CouchDB shows this form in `_explain`, and chooses indexes by it. */
export const normalise = (selector: Json.JsonObject): Checked<Selector> => {
  if (Json.keys(selector).length === 0) return Either.right({})
  return Either.gen(function*() {
    const normal = yield* Either.flatMap(
      Either.flatMap(operators(selector), (value) => fieldsOf(value, "")),
      negations
    )
    if (!Json.isObject(normal)) return yield* badField(normal)
    return Json.has(normal, "")
      ? yield* refuse(400, "invalid_selector", "One or more conditions is missing a field name.")
      : normal
  })
}

/** The fields that a selector refers to. */
export const fields = (selector: Json.Json): ReadonlyArray<string> => {
  const found = onlyMember(selector)
  if (found === undefined) return []
  const [name, argument] = found
  return name.startsWith("$") && Json.isArray(argument) ? argument.flatMap(fields) : [name]
}
