import * as Effect from "effect/Effect"
import * as Json from "../data/Json.js"
import { nextSize } from "../document/idRange.js"
import type { CouchRequest } from "../http/CouchHttp.js"
import type { Row } from "./row.js"

/** A response whose bookmark is the position of the next one. */
export interface BookmarkedRows {
  readonly request: CouchRequest
  readonly rows: ReadonlyArray<Row>
  readonly around: Json.JsonObject
}

/**
 * The requests that fill a page.
 *
 * - `ask`: requests the rows after a bookmark, with a maximum number of rows
 * - `isOwn`: whether a row counts; all other rows are omitted
 * - `most`: the maximum number of rows to request beyond those that are missing
 */
export interface Filling<E, R> {
  readonly request: (bookmark: string | undefined, limit: number) => Effect.Effect<BookmarkedRows, E, R>
  readonly isOwn: (row: Row) => boolean
  readonly bookmark: string | undefined
  readonly skip: number
  readonly limit: number
  readonly maxExtraRows: number
}

/** A page, and the responses that it required. Their last bookmark is the position after the page's last row. */
export interface Filled {
  readonly request: CouchRequest
  readonly rows: ReadonlyArray<Row>
  readonly responses: readonly [Json.JsonObject, ...ReadonlyArray<Json.JsonObject>]
}

export const bookmarkOf = (around: Json.JsonObject): string | undefined => {
  const bookmark = Json.get(around, "bookmark")
  return typeof bookmark === "string" && bookmark !== "nil" ? bookmark : undefined
}

/**
 * Reads until a page is full or no rows are left. A bookmark is the position after the last row of its response. If a
 * response has more rows than fit into the page, the request is repeated with a limit that ends at the last row of the
 * page.
 */
export const fill = <E, R>(
  { request, bookmark: start, isOwn, limit, maxExtraRows, skip }: Filling<E, R>
): Effect.Effect<Filled, E, R> =>
  Effect.gen(function*() {
    const rows: Array<Row> = []
    const responses: Array<Json.JsonObject> = []
    let bookmark = start
    let skipped = 0
    let read = 0
    let size = skip + limit
    while (true) {
      const response = yield* request(bookmark, size)
      const left = skip - skipped + limit - rows.length
      const own = response.rows.filter(isOwn)
      const last = own[left - 1]
      if (own.length > left && last !== undefined) {
        size = response.rows.indexOf(last) + 1
        continue
      }
      responses.push(response.around)
      read += response.rows.length
      const passed = Math.min(own.length, skip - skipped)
      skipped += passed
      for (let i = passed; i < own.length; i++) rows.push(own[i] as Row)
      const next = bookmarkOf(response.around)
      const isLast = own.length === left || response.rows.length < size || next === undefined || next === bookmark
      if (isLast) return { request: response.request, rows, responses: responses as unknown as Filled["responses"] }
      bookmark = next
      size = nextSize(left - own.length, read, skipped + rows.length, size, own.length, maxExtraRows)
    }
  })
