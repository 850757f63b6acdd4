import * as Effect from "effect/Effect"
import * as Json from "../data/Json.js"
import { nextSize } from "../document/idRange.js"
import type { CouchRequest } from "../http/CouchHttp.js"
import type { Row } from "./row.js"

/** An answer whose bookmark says where the next one begins. */
export interface Answer {
  readonly request: CouchRequest
  readonly rows: ReadonlyArray<Row>
  readonly around: Json.JsonObject
}

/**
 * What fills a page.
 *
 * - `ask`: the rows after a bookmark, and how many at most
 * - `isOwn`: whether a row counts; all others are left out
 * - `most`: how many rows may be asked for beyond those that are wanted
 */
export interface Filling<E, R> {
  readonly ask: (bookmark: string | undefined, limit: number) => Effect.Effect<Answer, E, R>
  readonly isOwn: (row: Row) => boolean
  readonly bookmark: string | undefined
  readonly skip: number
  readonly limit: number
  readonly most: number
}

/** A page, in the answers that it took. Their last bookmark is behind its last row. */
export interface Filled {
  readonly request: CouchRequest
  readonly rows: ReadonlyArray<Row>
  readonly answers: readonly [Json.JsonObject, ...ReadonlyArray<Json.JsonObject>]
}

export const bookmarkOf = (around: Json.JsonObject): string | undefined => {
  const bookmark = Json.get(around, "bookmark")
  return typeof bookmark === "string" && bookmark !== "nil" ? bookmark : undefined
}

/**
 * Reads on until a page is full, or until there is no more. A bookmark is behind the last row of its answer, so an answer
 * with more rows than the page has place for is asked for again, up to the row that fills the page.
 */
export const fill = <E, R>(
  { ask, bookmark: start, isOwn, limit, most, skip }: Filling<E, R>
): Effect.Effect<Filled, E, R> =>
  Effect.gen(function*() {
    const rows: Array<Row> = []
    const answers: Array<Json.JsonObject> = []
    let bookmark = start
    let skipped = 0
    let read = 0
    let size = skip + limit
    while (true) {
      const answer = yield* ask(bookmark, size)
      const left = skip - skipped + limit - rows.length
      const own = answer.rows.filter(isOwn)
      const last = own[left - 1]
      if (own.length > left && last !== undefined) {
        size = answer.rows.indexOf(last) + 1
        continue
      }
      answers.push(answer.around)
      read += answer.rows.length
      const passed = Math.min(own.length, skip - skipped)
      skipped += passed
      for (let i = passed; i < own.length; i++) rows.push(own[i] as Row)
      const next = bookmarkOf(answer.around)
      const isLast = own.length === left || answer.rows.length < size || next === undefined || next === bookmark
      if (isLast) return { request: answer.request, rows, answers: answers as unknown as Filled["answers"] }
      bookmark = next
      size = nextSize(left - own.length, read, skipped + rows.length, size, own.length, most)
    }
  })
