import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { CouchRequest, FromServer, Service } from "./CouchHttp.js"
import type { HttpError } from "./errors.js"
import { serverOf } from "./failAt.js"
import { unexpectedResponse } from "./responseError.js"
import type * as Transport from "./Transport.js"

type Response = Transport.BufferedResponse & FromServer

/**
 * Sends a request and decodes its response, or says what is wrong with it. A response that does not decode comes from
 * something other than CouchDB: it is retried and reported as such.
 */
export const executeDecoded = <A>(
  couch: Pick<Service, "execute" | "server">,
  request: CouchRequest,
  decode: (response: Response) => Either.Either<A, string>
): Effect.Effect<A, HttpError> =>
  Effect.suspend(() => {
    let last: { readonly response: object; readonly result: Either.Either<A, string> } | undefined
    const from = serverOf(couch)
    const verify = (response: Transport.BufferedResponse): string | undefined => {
      const result = decode({ ...response, ...from })
      last = { response: response.headers, result }
      return Either.isLeft(result) ? result.left : undefined
    }
    return Effect.flatMap(couch.execute({ ...request, verify }), (response) => {
      // A service that does not verify leaves it to its caller.
      const result = last?.response === response.headers ? last.result : decode({ ...response, ...from })
      return Either.mapLeft(result, (problem) => unexpectedResponse(request, { ...response, ...from }, problem))
    })
  })
