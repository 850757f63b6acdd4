/**
 * JSON as CouchDB stores it.
 *
 * CouchDB stores `12345678901234567890`, distinguishes `1.0` from `1`, and preserves the key order of `{"b":1,"10":2}`.
 * JavaScript values do none of that, and a revision is a hash of exactly these details. A `Json` value is therefore
 * plain JavaScript if that is exact, and contains a {@link RawNumber} or a `Map` if it is not.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import { copyTree } from "./json/copy.js"
import { floatOf } from "./json/float.js"
import { parseText } from "./json/parser.js"
import * as inexact from "./json/precision.js"
import { writeText } from "./json/writer.js"

const digits = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/**
 * @since 0.1.0
 * @category symbols
 */
export const RawNumberTypeId: unique symbol = Symbol.for("effect-couchdb/Json/RawNumber") as never

/**
 * A number whose text a JavaScript number does not reproduce, such as `1.0`, `1e2` or `12345678901234567890`.
 *
 * @example
 * import { Json } from "effect-couchdb"
 *
 * const big = new Json.RawNumber("12345678901234567890")
 * console.log(Json.stringify([big])) // [12345678901234567890]
 *
 * @since 0.1.0
 * @category model
 */
export class RawNumber {
  // A symbol, since no JSON text can contain one: an object with the same members is data.
  get [RawNumberTypeId](): true {
    return true
  }
  /** Throws a `RangeError` if the text is not a JSON number, since it is written unchanged. */
  constructor(
    /** The digits as in the JSON text. */
    readonly text: string
  ) {
    if (!digits.test(text)) throw new RangeError(`not a JSON number: ${JSON.stringify(text)}`)
  }
  /** The nearest JavaScript number. */
  valueOf(): number {
    return Number(this.text)
  }
  /** `JSON.stringify` writes the nearest JavaScript number. */
  toJSON(): number {
    return Number(this.text)
  }
  toString(): string {
    return this.text
  }
}

/**
 * An object: a plain one, or a `Map` if JavaScript would reorder its keys or misinterpret `__proto__`.
 *
 * @since 0.1.0
 * @category model
 */
export type JsonObject = { readonly [key: string]: Json } | ReadonlyMap<string, Json>

/**
 * Any JSON value, with exact numbers and key order.
 *
 * @since 0.1.0
 * @category model
 */
export type Json = null | boolean | number | string | RawNumber | ReadonlyArray<Json> | JsonObject

/**
 * The text is not JSON that CouchDB accepts. `offset` is the UTF-16 position at which parsing stopped.
 *
 * @since 0.1.0
 * @category errors
 */
export class JsonSyntaxError extends Data.TaggedError("JsonSyntaxError")<{
  readonly offset: number
  readonly problem: string
}> {
  override get message(): string {
    return `not JSON: ${this.problem} at offset ${this.offset}`
  }
}

/**
 * A JavaScript value that JSON cannot represent. `path` leads to it, from the outside in.
 *
 * @since 0.1.0
 * @category errors
 */
export interface NotJson {
  readonly path: ReadonlyArray<string | number>
  readonly problem: string
}

/**
 * Whether the value is a number kept as text.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRawNumber = (value: unknown): value is RawNumber =>
  typeof value === "object" && value !== null && RawNumberTypeId in value

/**
 * Whether the value is an array.
 *
 * @since 0.1.0
 * @category guards
 */
export const isArray = (value: Json | undefined): value is ReadonlyArray<Json> => Array.isArray(value)

/**
 * Whether the value is an object, plain or a `Map`.
 *
 * @since 0.1.0
 * @category guards
 */
export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value)

const isMap = (object: JsonObject): object is ReadonlyMap<string, Json> => object instanceof Map

/**
 * The keys, in order.
 *
 * @since 0.1.0
 * @category objects
 */
export const keys = (object: JsonObject): ReadonlyArray<string> =>
  isMap(object) ? Array.from(object.keys()) : Object.keys(object)

/**
 * The members, in order.
 *
 * @example
 * import { Json } from "effect-couchdb"
 *
 * console.log(Json.entries(Json.fromEntries([["b", 1], ["10", 2]]))) // b first
 *
 * @since 0.1.0
 * @category objects
 */
export const entries = (object: JsonObject): ReadonlyArray<readonly [string, Json]> =>
  isMap(object) ? Array.from(object.entries()) : Object.entries(object)

/**
 * A member of a value, or `undefined` if the value is not an object or does not have it.
 *
 * @example
 * import { Json } from "effect-couchdb"
 *
 * console.log(Json.get({ a: 1 }, "a")) // 1
 * console.log(Json.get([1], "a")) // undefined
 *
 * @since 0.1.0
 * @category objects
 */
export const get = (value: Json | undefined, key: string): Json | undefined =>
  !isObject(value) ? undefined : isMap(value) ? value.get(key) : Object.hasOwn(value, key) ? value[key] : undefined

/**
 * The elements of a value, or none if it is not an array.
 *
 * @example
 * import { Json } from "effect-couchdb"
 *
 * console.log(Json.elements([1, 2])) // [1, 2]
 * console.log(Json.elements({ a: 1 })) // []
 *
 * @since 0.1.0
 * @category arrays
 */
export const elements = (value: Json | undefined): ReadonlyArray<Json> => isArray(value) ? value : []

/**
 * Whether the object has the member.
 *
 * @since 0.1.0
 * @category objects
 */
export const has = (object: JsonObject, key: string): boolean =>
  isMap(object) ? object.has(key) : Object.hasOwn(object, key)

const reorderedKey = /^(?:0|[1-9]\d{0,9})$|^__proto__$/

/**
 * Makes an object of these members, in this order: a plain object if JavaScript preserves the order, else a `Map`. If a
 * key occurs more than once, its last member counts, at its own position, as in CouchDB.
 *
 * @example
 * import { Json } from "effect-couchdb"
 *
 * console.log(Json.stringify(Json.fromEntries([["b", 1], ["10", 2]]))) // {"b":1,"10":2}
 *
 * @since 0.1.0
 * @category objects
 */
export const fromEntries = (members: Iterable<readonly [string, Json]>): JsonObject => {
  const map = new Map<string, Json>()
  let plain = true
  for (const [key, value] of members) {
    if (map.has(key)) map.delete(key)
    else if (plain && reorderedKey.test(key)) plain = false
    map.set(key, value)
  }
  return plain ? Object.fromEntries(map) : map
}

/**
 * Parses JSON text exactly. Numbers that a JavaScript number cannot represent keep their digits, and objects keep the
 * order of their keys. Text that CouchDB refuses fails: lone surrogates, numbers beyond a double, raw control
 * characters.
 *
 * @example
 * import { Json } from "effect-couchdb"
 * import { Either } from "effect"
 *
 * const read = Json.parse(`{"b":1.0,"10":12345678901234567890}`)
 * console.log(Either.map(read, Json.stringify)) // the same text again
 *
 * @since 0.1.0
 * @category reading and writing
 */
export const parse = (text: string): Either.Either<Json, JsonSyntaxError> => {
  const result = parseText(text, (digits) => new RawNumber(digits), fromEntries)
  return result._tag === "Value"
    ? Either.right(result.value)
    : Either.left(new JsonSyntaxError({ offset: result.offset, problem: result.problem }))
}

/**
 * Whether `JSON.parse` might lose part of the text. The result may be a false positive, never a false negative.
 *
 * @since 0.1.0
 * @category reading and writing
 */
export const mayBeInexact: (text: string) => boolean = inexact.mayBeInexact

/**
 * Writes a value as compact JSON text: members in their order, raw numbers with their own digits. Values may be nested
 * to any depth.
 *
 * @example
 * import { Json } from "effect-couchdb"
 *
 * console.log(Json.stringify({ n: new Json.RawNumber("1.0") })) // {"n":1.0}
 *
 * @since 0.1.0
 * @category reading and writing
 */
export const stringify = (value: Json): string =>
  isParsed(value, 0) ? JSON.stringify(value) : writeText(value, scalarText, entries)

const scalarText = (value: Json): string | undefined =>
  typeof value !== "object" || value === null ? JSON.stringify(value) : isRawNumber(value) ? value.text : undefined

/** Deeper values are written with an explicit stack. */
const maxRecursion = 100

/** Whether `JSON.stringify` writes the value exactly: it contains no raw numbers and no maps. */
const isParsed = (value: Json, depth: number): boolean => {
  if (typeof value !== "object" || value === null) return true
  if (depth > maxRecursion || isRawNumber(value)) return false
  if (Array.isArray(value)) return value.every((element: Json) => isParsed(element, depth + 1))
  if (isMap(value as JsonObject)) return false
  for (const key in value) {
    if (!isParsed((value as Readonly<Record<string, Json>>)[key] as Json, depth + 1)) return false
  }
  return true
}

/**
 * Converts to the plain JavaScript value that `JSON.parse` returns. Raw numbers become the nearest number.
 *
 * @example
 * import { Json } from "effect-couchdb"
 *
 * console.log(Json.toPlain([new Json.RawNumber("1.0")])) // [1]
 *
 * @since 0.1.0
 * @category reading and writing
 */
export const toPlain = (value: Json): unknown =>
  copyTree(value, (each) => isRawNumber(each) ? Number(each.text) : undefined, true)

/**
 * The double that CouchDB stores for a number with a fraction or an exponent. It is not finite if CouchDB refuses the
 * text. It is the nearest double, with one exception: if an integer with an exponent has a text of 32 characters or
 * more, or a value too small for a normal double, CouchDB multiplies it by a power of ten, which rounds twice.
 *
 * @example
 * import { Json } from "effect-couchdb"
 *
 * console.log(Json.toFloat("5e-324")) // 0
 * console.log(Json.toFloat("5.0e-324")) // 5e-324
 *
 * @since 0.1.0
 * @category reading and writing
 */
export const toFloat: (text: string) => number = floatOf

/**
 * Whether two values are equal: object members in any order, numbers by their text (so `1` is not `1.0`).
 *
 * @example
 * import { Json } from "effect-couchdb"
 *
 * console.log(Json.equals({ a: 1, b: 2 }, { b: 2, a: 1 })) // true
 *
 * @since 0.1.0
 * @category comparing
 */
export const equals = (self: Json, that: Json): boolean => {
  if (self === that) return true
  if (typeof self !== "object" || typeof that !== "object" || self === null || that === null) {
    return (isRawNumber(self) || isRawNumber(that)) && numberText(self) === numberText(that)
  }
  if (isRawNumber(self) || isRawNumber(that)) return numberText(self) === numberText(that)
  if (Array.isArray(self) || Array.isArray(that)) {
    return Array.isArray(self) && Array.isArray(that) && self.length === that.length &&
      self.every((item, i) => equals(item, that[i] as Json))
  }
  const left = entries(self as JsonObject)
  const right = that as JsonObject
  return left.length === keys(right).length &&
    left.every(([key, member]) => has(right, key) && equals(member, get(right, key) as Json))
}

const numberText = (value: Json): string | undefined =>
  isRawNumber(value) ? value.text : typeof value === "number" ? JSON.stringify(value) : undefined

/**
 * Whether the text contains half of a surrogate pair, which UTF-8 cannot encode.
 *
 * @since 0.1.0
 * @category guards
 */
export const hasLoneSurrogate = (text: string): boolean =>
  typeof text.isWellFormed === "function" ? !text.isWellFormed() : loneSurrogate.test(text)

// Older browsers have no `isWellFormed`.
const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

/**
 * Converts a JavaScript value to `Json`, or returns the first place that JSON cannot represent: NaN, an infinity, a
 * cycle, a lone surrogate, a function, a symbol, an instance of a class. Members that are `undefined` are omitted, and
 * a `bigint` becomes an integer.
 *
 * @example
 * import { Either } from "effect"
 * import { Json } from "effect-couchdb"
 *
 * console.log(Either.isLeft(Json.fromUnknown({ n: NaN }))) // true, and the path is ["n"]
 *
 * @since 0.1.0
 * @category reading and writing
 */
export const fromUnknown = (value: unknown): Either.Either<Json, NotJson> => new Conversion().run(value)

/** Deeper values can overflow the stack of another program that processes them. */
const maxDepth = 1_000

/** One conversion to `Json`, which stops at the first problem. */
class Conversion {
  /** The place of the value that is converted, or of the problem. */
  private readonly path: Array<string | number> = []
  /** The objects that contain the value. */
  private readonly open = new Set<object>()
  private problem: string | undefined = undefined

  run(value: unknown): Either.Either<Json, NotJson> {
    const json = this.walk(value)
    return this.problem === undefined ? Either.right(json) : Either.left({ path: this.path, problem: this.problem })
  }

  private refuse(problem: string): null {
    this.problem = problem
    return null
  }

  private step(at: string | number, inner: unknown): Json {
    this.path.push(at)
    const json = this.walk(inner)
    if (this.problem === undefined) this.path.pop()
    return json
  }

  private walk(value: unknown): Json {
    switch (typeof value) {
      case "boolean":
        return value
      case "string":
        return hasLoneSurrogate(value) ? this.refuse("a lone surrogate, which UTF-8 cannot encode") : value
      case "number":
        return Number.isFinite(value) ? value : this.refuse(`${value}, which JSON cannot represent: use null`)
      case "bigint":
        return new RawNumber(value.toString())
      case "object":
        return value === null ? null : isRawNumber(value) ? value : this.walkObject(value)
      default:
        return this.refuse(
          value === undefined
            ? "undefined, which JSON cannot represent: use null"
            : `a ${typeof value}, which JSON cannot represent`
        )
    }
  }

  private walkObject(value: object): Json {
    if (this.open.has(value)) return this.refuse("a cycle: the value contains itself")
    if (this.open.size >= maxDepth) return this.refuse(`nested deeper than ${maxDepth} levels`)
    this.open.add(value)
    const json = Array.isArray(value)
      ? this.walkItems(value)
      : value instanceof Map
      ? this.walkMembers(Array.from(value.entries()))
      : isPlain(value)
      ? this.walkMembers(Object.entries(value))
      : this.refuse(instanceProblem(value))
    this.open.delete(value)
    return json
  }

  private walkItems(items: ReadonlyArray<unknown>): Json {
    const out: Array<Json> = []
    for (let i = 0; i < items.length && this.problem === undefined; i++) out.push(this.step(i, items[i]))
    return out
  }

  private walkMembers(members: ReadonlyArray<readonly [unknown, unknown]>): Json {
    const out: Array<readonly [string, Json]> = []
    for (const [key, member] of members) {
      if (member === undefined) continue
      if (typeof key !== "string") return this.refuse("a key that is not a string")
      out.push([key, hasLoneSurrogate(key) ? this.refuse("a key with a lone surrogate") : this.step(key, member)])
      if (this.problem !== undefined) break
    }
    return fromEntries(out)
  }
}

/** The schemas for the classes that every platform has. */
const schemas = new Map([
  ["Date", "Schema.Date"],
  ["Set", "Schema.ReadonlySet"],
  ["Uint8Array", "Schema.Uint8ArrayFromBase64"],
  ["URL", "Schema.URL"]
])

const instanceProblem = (value: object): string => {
  const name = typeof value.constructor === "function" ? value.constructor.name : ""
  const schema = schemas.get(name)
  return `${
    name === "" || name === "Object" ? "an object that is not a plain one" : `an instance of ${name}`
  }, which JSON cannot represent: ${
    schema === undefined ? "encode it in the schema of the body" : `use ${schema} in the schema of the body`
  }`
}

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
