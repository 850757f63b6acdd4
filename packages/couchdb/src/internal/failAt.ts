import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CouchHttp, type FromServer } from "../CouchHttp.js"

const unknown: FromServer = {}

/** The server alone, as a member that an error takes. */
export const serverOf = ({ server }: FromServer): FromServer => server === undefined ? unknown : { server }

/**
 * Fails with an error that names the server of the `CouchHttp` in the context, if there is one. Only a failure looks for
 * it, so that a success carries nothing along.
 */
export const failAt = <E>(error: (from: FromServer) => E): Effect.Effect<never, E> =>
  Effect.withFiberRuntime((fiber) =>
    Effect.fail(
      error(Option.match(Context.getOption(fiber.currentContext, CouchHttp), {
        onNone: () => unknown,
        onSome: serverOf
      }))
    )
  )
