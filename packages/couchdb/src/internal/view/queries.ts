import * as Effect from "effect/Effect"
import type { DecodeError, EncodeError, InvalidIdError } from "../../CouchError.js"
import type { CouchHttp, CouchRequest } from "../../CouchHttp.js"
import * as Json from "../../Json.js"
import type { AnyOptions, Page } from "../../View.js"
import { sourceOf } from "../changes/source.js"
import { unexpectedResponse } from "../responseError.js"
import { exact, type Row, rowOf } from "../rows/row.js"
import * as Rows from "../rows/stream.js"
import { type AnyView, type Given, type Out, prepare, toPage } from "./query.js"
import { bodyOf, locate } from "./request.js"

/** A row inside an element of another array has no text of its own. */
/** Several queries of one view in one request. */
export const queries = (
  given: Given,
  view: AnyView,
  all: ReadonlyArray<AnyOptions<unknown>>,
  partition: string | undefined
): Effect.Effect<
  ReadonlyArray<Page<Out>>,
  DecodeError | EncodeError | InvalidIdError | Rows.RowsError,
  CouchHttp
> =>
  Effect.gen(function*() {
    const { database } = yield* sourceOf(given)
    const where = yield* locate(database, view.place, partition)
    const prepared = yield* Effect.forEach(all, (options) => prepare(given, view, { ...options, partition }))
    const request: CouchRequest = {
      ...where,
      method: "POST",
      path: `${where.path}/queries`,
      route: `${where.route}/queries`,
      safe: true,
      body: Json.stringify({ queries: prepared.map(({ parameters }) => bodyOf(parameters)) })
    }
    const { head, rows: results } = yield* Rows.collect(request, "results")
    if (results.length !== all.length) {
      return yield* Effect.fail(
        unexpectedResponse(request, head, `${results.length} results for ${all.length} queries`)
      )
    }
    return yield* Effect.forEach(prepared, ({ reading }, i) => {
      const result = exact(results[i] as Row)
      const rows = Json.isObject(result) ? Json.get(result, "rows") : undefined
      return Json.isObject(result) && Json.isArray(rows)
        ? toPage(request, head, reading, rows.map(rowOf), result)
        : Effect.fail(unexpectedResponse(request, head, "a result without rows"))
    })
  }) as never
