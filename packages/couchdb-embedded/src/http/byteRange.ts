import type { BufferedResponse } from "effect-couchdb/Transport"
import * as Either from "effect/Either"
import { concat } from "../encoding/bytes.js"
import * as Utf8 from "../encoding/utf8.js"
import type { Checked } from "./refusal.js"
import { refuse } from "./refusal.js"

/** The positions of the first and the last byte. */
export type Range = readonly [from: number, to: number]

const maxRanges = 9

const parseOne = (text: string): readonly [number | undefined, number | undefined] | undefined => {
  const suffix = /^-\+?(\d+)$/.exec(text)
  if (suffix !== null) return [undefined, Number(suffix[1])]
  const parts = /^(\d+)(?:-+(\d+)?)?$/.exec(text)
  return parts === null ? undefined : [Number(parts[1]), parts[2] === undefined ? undefined : Number(parts[2])]
}

/**
 * Parses a `Range` header. `undefined` if CouchDB ignores it and sends everything. A suffix that is longer than the
 * body starts at the second byte, as in CouchDB.
 */
export const parse = (header: string | undefined, length: number): Checked<ReadonlyArray<Range> | undefined> => {
  if (header === undefined || !header.startsWith("bytes=")) return Either.right(undefined)
  const texts = header.slice("bytes=".length).split(",").map((text) => text.trim()).filter((text) => text !== "")
  const requested = texts.map(parseOne)
  if (requested.includes(undefined)) return Either.right(undefined)
  const ranges: Array<Range> = []
  for (const range of requested) {
    if (range === undefined) continue
    const [first, last] = range
    if (first === 0 && last === undefined) return Either.right(undefined)
    const capped = last !== undefined && last >= length ? length - 1 : last
    const from = first ?? length - (capped ?? 0)
    const to = first === undefined || capped === undefined ? length - 1 : capped
    if (to < from || (first !== undefined && last !== undefined && last < first)) {
      return refuse(416, "requested_range_not_satisfiable", "Requested range not satisfiable")
    }
    ranges.push([from, to])
  }
  return Either.right(ranges.length > maxRanges ? undefined : ranges)
}

const contentRange = ([from, to]: Range, length: number): string => `bytes ${from}-${to}/${length}`

const slice = (data: Uint8Array, [from, to]: Range): Uint8Array => data.subarray(from, to + 1)

/** The response to one range, or a multipart response to several. */
export const respond = (
  data: Uint8Array,
  ranges: ReadonlyArray<Range>,
  contentType: string,
  headers: Readonly<Record<string, string>>,
  boundary: string
): BufferedResponse => {
  const [only, ...more] = ranges
  if (only !== undefined && more.length === 0) {
    return {
      status: 206,
      headers: { ...headers, "content-range": contentRange(only, data.length) },
      body: slice(data, only)
    }
  }
  const body = concat([
    Utf8.encode(`--${boundary}`),
    ...ranges.flatMap((range) => [
      Utf8.encode(`\r\nContent-Type: ${contentType}\r\nContent-Range: ${contentRange(range, data.length)}\r\n\r\n`),
      slice(data, range),
      Utf8.encode(`\r\n--${boundary}`)
    ]),
    Utf8.encode("--")
  ])
  return { status: 206, headers: { "content-type": `multipart/byteranges; boundary="${boundary}"` }, body }
}
