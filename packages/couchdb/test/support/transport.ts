import { CouchHttp, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"

type SendRequest = Transport.Service["request"]

/** A transport whose every exchange is one function. */
export const transport = (request: SendRequest): Transport.Service => ({
  request,
  stream: (sent) =>
    Effect.map(request(sent), (response) => ({ ...response, body: Stream.make(Transport.bytes(response)) }))
})

/** What was asked, and how to change what happens to it. */
export interface InterceptedClient {
  readonly sent: Ref.Ref<ReadonlyArray<Transport.TransportRequest>>
  readonly layer: Layer.Layer<CouchHttp.CouchHttp>
}

export const makeResponse = (
  status: number,
  body: unknown = "",
  headers: Readonly<Record<string, string>> = {}
): Transport.BufferedResponse => ({
  status,
  headers,
  body: typeof body === "string" ? body : JSON.stringify(body)
})

/**
 * A CouchHttp over a fresh embedded CouchDB. `between` is on the way: it gets each request, its number from 1, and
 * the way to the engine.
 */
export const interceptedClient = (
  intercept: (request: Transport.TransportRequest, number: number, forward: SendRequest) => ReturnType<SendRequest> = (
    request,
    _,
    forward
  ) => forward(request),
  options: Partial<CouchHttp.Options> = {}
): Effect.Effect<InterceptedClient> =>
  Effect.gen(function*() {
    const sent = yield* Ref.make<ReadonlyArray<Transport.TransportRequest>>([])
    const couch = yield* EmbeddedCouch.make()
    const forward = EmbeddedCouch.transport(couch).request
    const wrapped = transport((request) =>
      Effect.flatMap(
        Ref.modify(sent, (all) => [all.length + 1, [...all, request]]),
        (number) => intercept(request, number, forward)
      )
    )
    const layer = CouchHttp.layer({ url: "http://embedded", ...options }).pipe(
      Layer.provide(Layer.succeed(Transport.Transport, wrapped))
    )
    return { sent, layer }
  })

/** How many requests go out while the effect runs. */
export const requests = <A, E, R>(on: InterceptedClient, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const before = (yield* Ref.get(on.sent)).length
    const value = yield* effect
    return [value, (yield* Ref.get(on.sent)).slice(before)] as const
  })
