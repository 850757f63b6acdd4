import * as Json from "effect-couchdb/Json"

/** A number in CouchDB's arithmetic: an integer of any size, or a double. */
export type Numeric = number | Json.RawNumber

export const isNumeric = (value: Json.Json | undefined): value is Numeric =>
  typeof value === "number" || Json.isRawNumber(value)

// JSON writes numbers from 1e21 on with an exponent, which makes them doubles in CouchDB.
const isInteger = (value: Numeric): boolean =>
  typeof value === "number" ? Number.isInteger(value) && Math.abs(value) < 1e21 : !/[.eE]/.test(value.text)

const toDouble = (value: Numeric): number => typeof value === "number" ? value : Number(value.text)

const toBigInt = (value: Numeric): bigint => BigInt(typeof value === "number" ? value : value.text)

/** An integral double keeps its fraction, so that it stays a double. */
const double = (value: number): Numeric => {
  if (!Number.isInteger(value)) return value
  const text = String(value)
  return new Json.RawNumber(text.includes("e") ? text : `${text}.0`)
}

const integer = (value: bigint): Numeric =>
  BigInt.asIntN(53, value) === value ? Number(value) : new Json.RawNumber(String(value))

const combine = (
  self: Numeric,
  that: Numeric,
  doubles: (self: number, that: number) => number,
  integers: (self: bigint, that: bigint) => bigint
): Numeric => {
  if (!isInteger(self) || !isInteger(that)) return double(doubles(toDouble(self), toDouble(that)))
  const fast = typeof self === "number" && typeof that === "number" ? doubles(self, that) : NaN
  return Number.isSafeInteger(fast) ? fast : integer(integers(toBigInt(self), toBigInt(that)))
}

/** Adds two numbers. The sum is an integer if both are, and otherwise a double. */
export const add = (self: Numeric, that: Numeric): Numeric => combine(self, that, (x, y) => x + y, (x, y) => x + y)

export const multiply = (self: Numeric, that: Numeric): Numeric => combine(self, that, (x, y) => x * y, (x, y) => x * y)
