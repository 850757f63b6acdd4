import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { CouchRequest, FromServer } from "./CouchHttp.js"
import type { HttpError } from "./errors.js"
import { unexpectedResponse } from "./responseError.js"
import { serverOf } from "./server.js"
import type * as Transport from "./Transport.js"

/** The sender of a request: a service, or one attempt of it. */
interface Sender<E> extends FromServer {
  readonly execute: (request: CouchRequest) => Effect.Effect<Transport.BufferedResponse, E>
}

/**
 * Sends a request and decodes its response, or reports what is wrong with it. A response that cannot be decoded comes
 * from something other than CouchDB: it is retried and reported as such. Each response is decoded once.
 */
export const executeDecoded = <A, E extends HttpError = HttpError>(
  sender: Sender<E>,
  request: CouchRequest,
  decode: (response: Transport.BufferedResponse, server: string | undefined) => Either.Either<A, string>
): Effect.Effect<A, E | HttpError> => {
  let last: { readonly headers: object; readonly result: Either.Either<A, string> } | undefined
  const { server } = sender
  const verify = (response: Transport.BufferedResponse): string | undefined => {
    const result = decode(response, server)
    last = { headers: response.headers, result }
    return Either.isLeft(result) ? result.left : undefined
  }
  return Effect.flatMap(sender.execute({ ...request, verify }), (response): Effect.Effect<A, HttpError> => {
    // A custom service may not verify, and another run of this effect may have verified a response in the meantime.
    const result = last?.headers === response.headers ? last.result : decode(response, server)
    return Either.isRight(result)
      ? Effect.succeed(result.right)
      : Effect.fail(unexpectedResponse(request, { ...response, ...serverOf(sender) }, result.left))
  })
}
