import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ServerError } from "../../http/errors.js"
import { failWithServer } from "../../http/failWithServer.js"
import type { AnyOptions, Reduced } from "../View.js"
import { type Given, page, prepare } from "./query.js"
import { viewRequest } from "./request.js"

/** The value of the only row, or `None` if there is no row. */
export const reduceOne = (
  given: Given,
  view: Reduced<unknown, unknown, unknown>,
  options: AnyOptions<unknown>
) =>
  Effect.flatMap(prepare(given, view, options), (prepared) =>
    Effect.flatMap(page(prepared), ({ rows: [row] }) => {
      if (row === undefined) return Effect.succeedNone
      if (row._tag !== "Refused") return Effect.succeed(Option.some(row.value))
      const { method, path } = viewRequest(prepared.where, prepared.parameters)
      return failWithServer((from) =>
        new ServerError({
          ...from,
          method,
          path,
          status: 200,
          error: row.error,
          reason: Option.getOrElse(row.reason, () => "the reduce function failed"),
          database: prepared.where.database
        })
      )
    }))
