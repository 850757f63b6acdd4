import { CouchHttp, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"

type Ask = Transport.Service["request"]

/** A transport whose every exchange is one function. */
export const transport = (request: Ask): Transport.Service => ({
  request,
  stream: (asked) =>
    Effect.map(request(asked), (response) => ({ ...response, body: Stream.make(Transport.bytes(response)) }))
})

/** What was asked, and how to change what happens to it. */
export interface Line {
  readonly asked: Ref.Ref<ReadonlyArray<Transport.TransportRequest>>
  readonly layer: Layer.Layer<CouchHttp.CouchHttp>
}

export const answer = (
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
export const line = (
  between: (request: Transport.TransportRequest, number: number, pass: Ask) => ReturnType<Ask> = (request, _, pass) =>
    pass(request),
  options: Partial<CouchHttp.Options> = {}
): Effect.Effect<Line> =>
  Effect.gen(function*() {
    const asked = yield* Ref.make<ReadonlyArray<Transport.TransportRequest>>([])
    const couch = yield* EmbeddedCouch.make()
    const pass = EmbeddedCouch.transport(couch).request
    const wrapped = transport((request) =>
      Effect.flatMap(
        Ref.modify(asked, (all) => [all.length + 1, [...all, request]]),
        (number) => between(request, number, pass)
      )
    )
    const layer = CouchHttp.layer({ url: "http://embedded", ...options }).pipe(
      Layer.provide(Layer.succeed(Transport.Transport, wrapped))
    )
    return { asked, layer }
  })

/** How many requests go out while the effect runs. */
export const requests = <A, E, R>(on: Line, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const before = (yield* Ref.get(on.asked)).length
    const value = yield* effect
    return [value, (yield* Ref.get(on.asked)).slice(before)] as const
  })
