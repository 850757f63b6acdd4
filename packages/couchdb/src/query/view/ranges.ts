import * as Order from "effect/Order"
import * as DocumentId from "../../data/DocumentId.js"
import * as Json from "../../data/Json.js"
import { behindPrefix, high } from "./keys.js"

/** A range as a request says it: from its start, which is the higher end if the order is descending. */
export interface Range {
  readonly start?: Json.Json | undefined
  readonly end?: Json.Json | undefined
  readonly inclusiveEnd?: boolean | undefined
}

/** What begins with a prefix in a view, whose collation puts U+FFFF after every other character. */
export const prefixInView = (prefix: Json.Json, descending: boolean): Range => {
  const top = Json.isArray(prefix) ? [...prefix, high] : `${String(prefix)}\uffff`
  return descending ? { start: top, end: prefix } : { start: prefix, end: top }
}

/** An end of a range of ids. `instead` is an id in the range that none comes after, for an end that is excluded. */
interface End {
  readonly id: string
  readonly excluded: boolean
  readonly instead?: string
}

/** Ids sort by their bytes. An end that is `undefined` is open. */
interface Ids {
  readonly low: End | undefined
  readonly high: End | undefined
}

const withPrefix = (prefix: string): Ids => {
  const next = behindPrefix(prefix)
  return {
    low: { id: prefix, excluded: false },
    // No request can exclude its start, so a descending one begins at the last text that anybody would write.
    high: next === undefined ? undefined : { id: next, excluded: true, instead: prefix + "\u{10ffff}".repeat(4) }
  }
}

/** The end that leaves less of a range. */
const inner = (self: End | undefined, that: End | undefined, order: Order.Order<string>): End | undefined => {
  if (self === undefined || that === undefined) return self ?? that
  const found = order(self.id, that.id)
  return found === 0 ? (self.excluded ? self : that) : found > 0 ? self : that
}

const intersection = (self: Ids, that: Ids): Ids => ({
  low: inner(self.low, that.low, DocumentId.Order),
  high: inner(self.high, that.high, Order.reverse(DocumentId.Order))
})

const isEmpty = ({ high, low }: Ids): boolean => {
  if (low === undefined || high === undefined) return false
  const found = DocumentId.Order(low.id, high.id)
  return found > 0 || (found === 0 && (low.excluded || high.excluded))
}

/** The ids of a range, or `undefined` if there can be none: what is no text sorts before all texts. */
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
    start: descending ? (high?.excluded === true ? high.instead ?? high.id : high?.id) : low?.id,
    end: end?.id,
    inclusiveEnd: end?.excluded === true ? false : undefined
  }
}

/** The part of a range of ids that begins with a prefix. If there is none, the range is one without ids. */
export const prefixInIds = (prefix: string, range: Range, descending: boolean): Range => {
  const given = idsIn(range, descending)
  const all = given === undefined ? undefined : intersection(given, withPrefix(prefix))
  return all === undefined || isEmpty(all)
    ? { start: prefix, end: prefix, inclusiveEnd: false }
    : toRange(all, descending)
}
