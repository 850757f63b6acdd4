import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { hasProperty } from "effect/Predicate"
import * as Json from "../../data/Json.js"
import { EncodeError } from "../../document/errors.js"
import { schemaIssues } from "../../http/schemaIssues.js"
import type { Bound, Codec } from "../View.js"

export const BoundTypeId = Symbol.for("effect-couchdb/View/Bound")

export const bound = (json: Json.Json): Bound => ({ [BoundTypeId]: json }) as never

const isBound = (value: unknown): value is { readonly [BoundTypeId]: Json.Json } => hasProperty(value, BoundTypeId)

/** Sorts after every key that a map function is likely to emit. */
export const high: Json.Json = { "\uffff": {} }

interface Where {
  readonly database: string
  readonly id: string
}

const checked = (name: string, value: unknown, where: Where): Either.Either<Json.Json, EncodeError> =>
  Either.mapLeft(
    Json.fromUnknown(value),
    ({ path, problem }) => new EncodeError({ ...where, issues: [{ path: [name, ...path], expected: problem }] })
  )

/** A prefix as JSON. Fails if it contains a value that is not valid JSON. */
export const encodePrefix = (
  prefix: string | ReadonlyArray<Json.Json>,
  where: Where
): Either.Either<Json.Json, EncodeError> => checked("prefix", prefix, where)

/** A key as JSON. Fails before a request is sent if the encoded key is not valid JSON. */
export const encodeKey = <K, R>(
  codec: Codec<K, R>,
  key: K | Bound,
  where: Where
): Effect.Effect<Json.Json, EncodeError, R> =>
  isBound(key)
    ? checked("key", key[BoundTypeId], where)
    : Effect.flatMap(
      Effect.mapError(codec.encode(key as K), (issue) =>
        new EncodeError({
          ...where,
          issues: schemaIssues(issue).map(({ expected, path }) => ({ path: ["key", ...path], expected }))
        })),
      (json) => checked("key", json, where)
    )

/**
 * The first string that sorts, by its bytes, after all strings with this prefix, or `undefined` if there is none.
 * Surrogates are not characters, so U+E000 follows U+D7FF.
 */
export const prefixUpperBound = (prefix: string): string | undefined => {
  const characters = Array.from(prefix)
  for (let i = characters.length - 1; i >= 0; i--) {
    const code = characters[i]?.codePointAt(0) as number
    if (code < 0x10ffff) {
      return characters.slice(0, i).join("") + String.fromCodePoint(code === 0xd7ff ? 0xe000 : code + 1)
    }
  }
  return undefined
}

const collator = new Intl.Collator("und")

/** Whether two keys are equal in CouchDB's collation, such as `1` and `1.0`. */
export const sameKey = (left: Json.Json, right: Json.Json): boolean => {
  if (typeof left === "string") return typeof right === "string" && collator.compare(left, right) === 0
  if (Json.isArray(left)) {
    return Json.isArray(right) && left.length === right.length &&
      left.every((item, i) => sameKey(item, right[i] as Json.Json))
  }
  if (Json.isObject(left)) {
    if (!Json.isObject(right)) return false
    const [these, those] = [Json.entries(left), Json.entries(right)]
    return these.length === those.length && these.every(([name, item], i) => {
      const other = those[i]
      return other !== undefined && sameKey(name, other[0]) && sameKey(item, other[1])
    })
  }
  if (left === null || typeof left === "boolean") return left === right
  return (typeof right === "number" || Json.isRawNumber(right)) && Number(left) === Number(right)
}
