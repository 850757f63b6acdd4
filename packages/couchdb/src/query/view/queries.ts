import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { InvalidIdError } from "../../data/errors.js"
import * as Json from "../../data/Json.js"
import type { DecodeError, EncodeError } from "../../document/errors.js"
import type { CouchHttp, CouchRequest } from "../../http/CouchHttp.js"
import { unexpectedResponse } from "../../http/responseError.js"
import { exact, type Row, rowOf } from "../../rows/row.js"
import { sourceOf } from "../../rows/source.js"
import * as Rows from "../../rows/stream.js"
import type { AnyOptions, Page } from "../View.js"
import { type AnyView, type Given, isDirect, type Out, page, prepare, toPage } from "./query.js"
import { bodyOf, locate } from "./request.js"

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
    // If rows of other documents must be skipped, only the client can count them.
    const [separate, combined] = Arr.partition(prepared, (one) => isDirect(one) || one.skip === 0)
    const request: CouchRequest = {
      ...where,
      method: "POST",
      path: `${where.path}/queries`,
      route: `${where.route}/queries`,
      idempotent: true,
      body: Json.stringify({ queries: combined.map(({ parameters }) => bodyOf(parameters)) })
    }
    const results = separate.length > 0 && combined.length === 0
      ? []
      : (yield* Rows.collect(request, "results")).rows
    if (results.length !== combined.length) {
      return yield* Effect.fail(
        unexpectedResponse(request, Rows.streamedHead, `${results.length} results for ${combined.length} queries`)
      )
    }
    let next = 0
    return yield* Effect.forEach(prepared, (one) => {
      if (!combined.includes(one)) return page(one)
      const result = exact(results[next++] as Row)
      const rows = Json.isObject(result) ? Json.get(result, "rows") : undefined
      if (!Json.isObject(result) || !Json.isArray(rows)) {
        return Effect.fail(unexpectedResponse(request, Rows.streamedHead, "a result without rows"))
      }
      const found = rows.map(rowOf)
      // Rows of other documents count toward `limit`, so more rows of the collection may follow.
      return !isDirect(one) && rows.length === one.limit && !found.every(one.reading.concerns)
        ? page(one)
        : toPage(request, one, found, result)
    })
  }) as never
