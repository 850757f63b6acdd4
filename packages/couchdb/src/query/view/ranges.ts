import * as Order from "effect/Order"
import * as DocumentId from "../../data/DocumentId.js"
import * as Json from "../../data/Json.js"
import { high, prefixUpperBound } from "./keys.js"

/** A range in the order of the request: if it is descending, `start` is the higher end. */
export interface Range {
  readonly start?: Json.Json | undefined
  readonly end?: Json.Json | undefined
  readonly inclusiveEnd?: boolean | undefined
}

/** The keys that start with a prefix. The collation of views sorts U+FFFF after every other character. */
export const prefixInView = (prefix: Json.Json, descending: boolean): Range => {
  const top = Json.isArray(prefix) ? [...prefix, high] : `${String(prefix)}\uffff`
  return descending ? { start: top, end: prefix } : { start: prefix, end: top }
}

/** An end of a range of ids. If `excluded` is set, `last` is the last possible id inside the range. */
interface End {
  readonly id: string
  readonly excluded: boolean
  readonly last?: string
}

/** A range of ids, which sort by their bytes. An `undefined` end is open. */
interface Ids {
  readonly low: End | undefined
  readonly high: End | undefined
}

const withPrefix = (prefix: string): Ids => {
  const next = prefixUpperBound(prefix)
  return {
    low: { id: prefix, excluded: false },
    // A request cannot exclude its start key, so a descending range starts at the last id that is likely to exist.
    high: next === undefined ? undefined : { id: next, excluded: true, last: prefix + "\u{10ffff}".repeat(4) }
  }
}

/** The end that leaves the smaller range. */
const narrower = (self: End | undefined, that: End | undefined, order: Order.Order<string>): End | undefined => {
  if (self === undefined || that === undefined) return self ?? that
  const found = order(self.id, that.id)
  return found === 0 ? (self.excluded ? self : that) : found > 0 ? self : that
}

const intersection = (self: Ids, that: Ids): Ids => ({
  low: narrower(self.low, that.low, DocumentId.Order),
  high: narrower(self.high, that.high, Order.reverse(DocumentId.Order))
})

const isEmpty = ({ high, low }: Ids): boolean => {
  if (low === undefined || high === undefined) return false
  const found = DocumentId.Order(low.id, high.id)
  return found > 0 || (found === 0 && (low.excluded || high.excluded))
}

/** The ids of a range, or `undefined` if it contains none: values that are not strings sort before all strings. */
const idsIn = ({ end, inclusiveEnd, start }: Range, descending: boolean): Ids | undefined => {
  const endAt = (json: Json.Json | undefined, excluded: boolean): End | undefined =>
    typeof json === "string" ? { id: json, excluded } : undefined
  const [low, high] = descending ? [end, start] : [start, end]
  const excludesEnd = inclusiveEnd === false
  return high !== undefined && typeof high !== "string"
    ? undefined
    : { low: endAt(low, descending && excludesEnd), high: endAt(high, !descending && excludesEnd) }
}

const toRange = ({ high, low }: Ids, descending: boolean): Range => {
  const end = descending ? low : high
  return {
    start: descending ? (high?.excluded === true ? high.last ?? high.id : high?.id) : low?.id,
    end: end?.id,
    inclusiveEnd: end?.excluded === true ? false : undefined
  }
}

/** The part of a range of ids that starts with a prefix. If it is empty, returns a range that matches no ids. */
export const prefixInIds = (prefix: string, range: Range, descending: boolean): Range => {
  const given = idsIn(range, descending)
  const all = given === undefined ? undefined : intersection(given, withPrefix(prefix))
  return all === undefined || isEmpty(all)
    ? { start: prefix, end: prefix, inclusiveEnd: false }
    : toRange(all, descending)
}
