import { TransportError } from "effect-couchdb/CouchError"
import type { BufferedResponse, TransportRequest } from "effect-couchdb/Transport"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { gzip as compress } from "node:zlib"

/** Compresses off the event loop. */
const gzip = (request: TransportRequest, body: string | Uint8Array): Effect.Effect<Uint8Array, TransportError> =>
  Effect.async((resume) => {
    compress(body, (error, small) =>
      resume(
        error === null
          ? Effect.succeed(small)
          : Effect.fail(
            new TransportError({
              server: request.origin,
              method: request.method,
              path: request.path,
              reason: "RequestBody",
              description: `the body could not be compressed: ${error.message}`
            })
          )
      ))
  })

/** CouchDB stores an attachment with the encoding in its headers, so only JSON bodies are compressed. */
const mayBe = ({ headers }: TransportRequest): boolean =>
  headers["content-type"] === "application/json" && headers["content-encoding"] === undefined

/** Sends the request, and compresses a body above the size first. The deadline includes the compression. */
export const zipped = (
  request: TransportRequest,
  above: number,
  send: (request: TransportRequest) => Effect.Effect<BufferedResponse, TransportError>
): Effect.Effect<BufferedResponse, TransportError> => {
  const { body, deadline, headers } = request
  if (
    (typeof body !== "string" && !(body instanceof Uint8Array)) || body.length <= above || !mayBe(request)
  ) return send(request)
  return Effect.flatMap(
    Effect.zip(Clock.currentTimeMillis, gzip(request, body)),
    ([begun, small]) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        send({
          ...request,
          headers: { ...headers, "content-encoding": "gzip" },
          body: small,
          deadline: deadline === undefined ? undefined : Math.max(1, deadline - (now - begun))
        }))
  )
}
