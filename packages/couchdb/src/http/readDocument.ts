import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { documentPath, documentRoute } from "../data/path.js"
import { conflictAsBadRequest } from "./conflictMapping.js"
import type { CouchRequest, ReadDocument, ReadJson, Service } from "./CouchHttp.js"
import { countdown, type Deadlines, type TrackedRequest } from "./deadline.js"
import type { HttpError, UnexpectedResponseError } from "./errors.js"
import type { Exchange } from "./exchange.js"
import { readJson } from "./rawDocument.js"
import { unexpectedResponse } from "./responseError.js"
import type { Server } from "./server.js"
import * as Transport from "./Transport.js"

const notDocument = "the response is not the document"

const isDocument = (json: ReadJson | undefined, id: string): json is ReadJson => {
  const plain = json?.plain
  return typeof plain === "object" && plain !== null && "_id" in plain && plain._id === id && "_rev" in plain
}

const requestOf = ({ database, id, query }: ReadDocument): CouchRequest => ({
  method: "GET",
  path: documentPath(database, id) + query,
  route: documentRoute(id),
  database,
  id
})

interface Wire {
  readonly transport: Transport.Service
  readonly server: Server
  readonly exchange: Exchange
  readonly deadlines: Deadlines
  /** The deadline that the transport enforces, in milliseconds, if it does. */
  readonly transportDeadline: number | undefined
  readonly execute: Service["execute"]
  readonly retryAfter: (
    failure: HttpError,
    request: TrackedRequest
  ) => Effect.Effect<Transport.BufferedResponse, HttpError>
}

/**
 * Reads one document: the most frequent operation of most programs. If no tracer listens, the credentials are fixed and
 * the transport enforces the deadline, a successful read is one step of the fiber to the transport and one back. All
 * other reads go through the decorators of `execute`.
 */
export const makeReadDocument = (wire: Wire): Service["readDocument"] => {
  const { deadlines, exchange, server, transport, transportDeadline } = wire

  const decode = (
    read: ReadDocument,
    response: Transport.BufferedResponse
  ): Either.Either<ReadJson, UnexpectedResponseError> => {
    const json = readJson(Transport.text(response))
    return isDocument(json, read.id)
      ? Either.right(json)
      : Either.left(unexpectedResponse(requestOf(read), { ...response, server: server.base }, notDocument))
  }

  /** Sends a request and decodes its response only once: the verified JSON is the result. */
  const decoded = (
    read: ReadDocument,
    send: (request: CouchRequest) => Effect.Effect<Transport.BufferedResponse, HttpError>
  ) => {
    let json: ReadJson | undefined
    const verify = (response: Transport.BufferedResponse): string | undefined => {
      json = readJson(Transport.text(response))
      return isDocument(json, read.id) ? undefined : notDocument
    }
    return conflictAsBadRequest(
      Effect.map(send({ ...requestOf(read), verify }), () => json as ReadJson)
    )
  }

  return (read) =>
    Effect.withFiberRuntime((fiber) => {
      const credentials = transportDeadline === undefined ? undefined : exchange.fastPathCredentials(fiber)
      if (transportDeadline === undefined || credentials === undefined) return decoded(read, wire.execute)
      const headers = exchange.fastPathHeaders(undefined, credentials)
      const remaining = countdown(fiber, transportDeadline)
      const recovered = (error: HttpError) =>
        decoded(read, (request) => deadlines.recoverAfterFirstTry(request, error, wire.retryAfter, remaining))
      return Effect.matchEffect(
        transport.request({
          method: "GET",
          origin: server.origin,
          path: server.prefix + documentPath(read.database, read.id) + read.query,
          headers,
          deadline: transportDeadline
        }),
        {
          onFailure: recovered,
          onSuccess: (response) => {
            if (response.status === 200 && response.headers["content-encoding"] === undefined) {
              const json = decode(read, response)
              return Either.isRight(json) ? json : recovered(json.left)
            }
            return Effect.matchEffect(exchange.withStatus(requestOf(read), response), {
              onFailure: recovered,
              onSuccess: (response) => Effect.catchAll(decode(read, response), recovered)
            })
          }
        }
      )
    })
}
