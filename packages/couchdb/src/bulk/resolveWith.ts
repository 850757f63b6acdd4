import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { AnyPolicy } from "../conflict/policy.js"
import { isConflict } from "../document/conflictError.js"
import { CouchHttp } from "../http/CouchHttp.js"
import { make as batching } from "./batchingService.js"
import { defaults } from "./pipeline.js"

/** Applies the policy to the refused rows, all at once, so that their requests are batched. */
export const resolveRows = (policy: AnyPolicy, rows: ReadonlyArray<Either.Either<unknown, unknown>>) =>
  rows.some((row) => Either.isLeft(row) && isConflict(row.left))
    ? Effect.scoped(
      Effect.gen(function*() {
        const couch = yield* Effect.flatMap(CouchHttp, (couch) => batching(couch, { maxSize: defaults.rows }))
        return yield* Effect.forEach(rows, (row) =>
          Either.isLeft(row) && isConflict(row.left)
            ? Effect.either(Effect.provideService(policy(row.left), CouchHttp, couch))
            : Effect.succeed(row), { concurrency: "unbounded" })
      })
    )
    : Effect.succeed(rows)
