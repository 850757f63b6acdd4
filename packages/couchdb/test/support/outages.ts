import { CouchHttp, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/** A response that comes instead of the server's. */
export const substitute = (
  status: number,
  body: string | object,
  headers: Readonly<Record<string, string>> = {}
): Transport.BufferedResponse => ({
  status,
  headers: {
    "content-type": typeof body === "string" ? "text/html" : "application/json",
    ...headers
  },
  body: typeof body === "string" ? body : JSON.stringify(body)
})

/** The page of a proxy. */
export const proxyPage = (status: number, headers?: Readonly<Record<string, string>>): Transport.BufferedResponse =>
  substitute(status, "<html><body>nginx</body></html>", headers)

/** The transport, but for what is answered instead. `answer` gets each request, and its number from 1. */
export const withSubstitutes = (
  plain: Transport.Service,
  substituteFor: (request: Transport.TransportRequest, number: number) => Transport.BufferedResponse | undefined
): Transport.Service => {
  let count = 0
  return {
    request: (request) =>
      Effect.suspend(() => {
        const response = substituteFor(request, ++count)
        return response === undefined ? plain.request(request) : Effect.succeed(response)
      }),
    stream: (request) =>
      Effect.suspend(() => {
        const response = substituteFor(request, ++count)
        return response === undefined
          ? plain.stream(request)
          : Effect.succeed({ ...response, body: Stream.make(Transport.bytes(response)) })
      })
  }
}

export const layerOver = (transport: Transport.Service, options: Partial<CouchHttp.Options> = {}) =>
  CouchHttp.layer({ url: "http://embedded", retry: "none", ...options }).pipe(
    Layer.provide(Layer.succeed(Transport.Transport, transport))
  )
