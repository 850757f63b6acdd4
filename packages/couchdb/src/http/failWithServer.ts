import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CouchHttp, type FromServer } from "./CouchHttp.js"
import { serverOf, unknownServer } from "./server.js"

const currentServer = (context: Context.Context<never>): FromServer =>
  Option.match(Context.getOption(context, CouchHttp), { onNone: () => unknownServer, onSome: serverOf })

/** The server of the `CouchHttp` in the context, if there is one, for errors that are created later. */
export const fromServer: Effect.Effect<FromServer> = Effect.contextWith(currentServer)

/**
 * Fails with an error that names the server of the `CouchHttp` in the context, if there is one. The context is read
 * only if the effect fails, so that a success costs nothing.
 */
export const failWithServer = <E>(error: (from: FromServer) => E): Effect.Effect<never, E> =>
  Effect.withFiberRuntime((fiber) => Effect.fail(error(currentServer(fiber.currentContext))))
