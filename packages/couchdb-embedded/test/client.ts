import type { TransportError } from "effect-couchdb/CouchError"
import * as Json from "effect-couchdb/Json"
import * as Transport from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as EmbeddedCouch from "../src/engine/EmbeddedCouch.js"

export interface Call {
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is, or as JSON. */
  readonly body?: unknown
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** The body as plain JSON. `undefined` if it is not JSON. */
  readonly json: unknown
}

export const admin = { username: "admin", password: Redacted.make("password") }

export const basic = (user: string, password: string): Readonly<Record<string, string>> => ({
  authorization: `Basic ${btoa(`${user}:${password}`)}`
})

const plain = (text: string): unknown => Either.getOrUndefined(Either.map(Json.parse(text), Json.toPlain))

/** A request. Its body is sent as it is, or as JSON. */
export const requestOf = (
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: unknown
): Transport.TransportRequest => ({
  method,
  origin: "http://embedded",
  path,
  headers: { "content-type": "application/json", ...headers },
  body: body === undefined || typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body)
})

/** Sends requests to an embedded CouchDB. */
export const client =
  (couch: EmbeddedCouch.Service, headers: Readonly<Record<string, string>> = {}) =>
  (method: string, path: string, call: Call = {}): Effect.Effect<Reply, TransportError> =>
    couch.handler(requestOf(method, path, { ...headers, ...call.headers }, call.body)).pipe(
      Effect.map((response) => {
        const text = Transport.text(response)
        return { status: response.status, headers: response.headers, text, json: plain(text) }
      })
    )

/** A new embedded CouchDB with one empty database, `db`, in which everybody is an administrator. */
export const fresh = (options: EmbeddedCouch.Options = {}) =>
  Effect.gen(function*() {
    const send = client(yield* EmbeddedCouch.make(options))
    yield* send("PUT", "/db")
    return send
  })
