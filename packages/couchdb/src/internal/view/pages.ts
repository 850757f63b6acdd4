import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { DecodeError } from "../../CouchError.js"
import type { CouchHttp } from "../../CouchHttp.js"
import type * as Json from "../../Json.js"
import type { Page, Place } from "../../View.js"
import { unexpectedResponse } from "../responseError.js"
import { member, type Row } from "../rows/row.js"
import * as Rows from "../rows/stream.js"
import { exactMember } from "./describe.js"
import { sameKey } from "./keys.js"
import { type Prepared, toPage } from "./query.js"
import { bare, json, type Parameters, viewRequest } from "./request.js"

/**
 * The row at which a page begins. A document may emit one key several times, and all of these rows have one place in the
 * index: `behind` says how many of them came already.
 */
interface Edge {
  readonly key: Json.Json
  readonly id: string
  readonly behind: number
}

interface State {
  readonly edge: Edge | undefined
  /** How many rows of the range came before, or were skipped, where there is no edge to begin at. */
  readonly skip: number
  readonly left: number
}

const isAt = (row: Row, edge: Pick<Edge, "key" | "id">): boolean =>
  member(row.json, "id") === edge.id && sameKey(exactMember(row, "key"), edge.key)

/** Where the next page begins: at a row behind those that were shown, and behind what came before them. */
const nextState = (row: Row, id: string, shown: ReadonlyArray<Row>, { edge, left, skip }: State): State => {
  const at = { key: exactMember(row, "key"), id }
  let behind = 0
  while (behind < shown.length && isAt(shown[shown.length - 1 - behind] as Row, at)) behind++
  const rest = left - shown.length
  if (behind < shown.length) return { edge: { ...at, behind }, skip: 0, left: rest }
  if (edge !== undefined) {
    return { edge: { ...at, behind: behind + (isAt(row, edge) ? edge.behind : 0) }, skip: 0, left: rest }
  }
  // Rows of the same place may be among those that were skipped, and nobody knows how many.
  return skip > 0 ? { edge, skip: skip + behind, left: rest } : { edge: { ...at, behind }, skip, left: rest }
}

/** What the edge takes the place of. */
const replaced = new Set(["startkey", "startkey_docid", "skip", "limit"])

const parametersAt = (
  place: Place,
  all: Parameters,
  { edge, skip }: State,
  limit: number
): Parameters => {
  const byKey = all.some(({ name }) => name === "key")
  return edge === undefined
    ? [
      ...all.filter(({ name }) => name !== "limit" && name !== "skip"),
      ...json("skip", skip > 0 ? skip : undefined),
      ...json("limit", limit)
    ]
    : [
      ...all.filter(({ name }) => !replaced.has(name)),
      ...(byKey ? [] : json("startkey", edge.key)),
      ...(place._tag === "Design" ? bare("startkey_docid", edge.id) : []),
      ...(edge.behind > 0 ? json("skip", edge.behind) : []),
      ...json("limit", limit)
    ]
}

/**
 * A view a page at a time. Each request asks for one row more than it shows, and the next page begins at this row: at its
 * key and its document. So the last page is known to be the last.
 */
export const pages = <A, R>(
  prepared: Prepared<A, R>,
  place: Place,
  size: number,
  limit: number | undefined,
  skip: number
): Stream.Stream<Page<A>, DecodeError | Rows.RowsError, CouchHttp | R> => {
  const rowsPerPage = Math.max(1, Math.floor(size))
  const start: State = { edge: undefined, skip, left: limit ?? Infinity }
  return Stream.paginateEffect(start, (state) => {
    const { left } = state
    const shownAtMost = Math.min(rowsPerPage, left)
    const last = left <= rowsPerPage
    const request = viewRequest(
      prepared.where,
      parametersAt(place, prepared.parameters, state, shownAtMost + (last ? 0 : 1))
    )
    return Effect.gen(function*() {
      const { around, head, rows } = yield* Rows.collect(request, "rows")
      const shown = rows.slice(0, shownAtMost)
      const page = yield* toPage(request, head, prepared.reading, shown, around)
      const next = last ? undefined : rows[shownAtMost]
      if (next === undefined) return [page, Option.none<State>()] as const
      const id = member(next.json, "id")
      if (typeof id !== "string") {
        return yield* Effect.fail(unexpectedResponse(request, head, "a row that names no document"))
      }
      return [page, Option.some(nextState(next, id, shown, state))] as const
    })
  })
}
