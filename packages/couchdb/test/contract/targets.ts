import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { Auth, CouchHttp, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as JavaScript from "effect-couchdb-embedded/JavaScript"
import * as Serve from "effect-couchdb-embedded/Serve"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { Target } from "./suite.js"

const username = "admin"
const password = Redacted.make("password")
const admin = { username, password }

// Design documents of the contract are JavaScript, so that a real server runs the same ones.
const interpreter = JavaScript.make({ timeout: "5 seconds" })

/** The fetch of the platform, which every runtime has. */
export const fetchTransport = Transport.layerHttpClient().pipe(Layer.provide(FetchHttpClient.layer))

/** The embedded engine in process. */
export const embedded: Target = {
  name: "embedded, in process",
  live: false,
  layer: CouchHttp.layer({ url: "http://embedded", auth: Auth.basic(username, password) }).pipe(
    Layer.provide(EmbeddedCouch.layer({ admin, interpreter }))
  )
}

/** The embedded engine over a real socket. */
export const served = (name: string, transport: Layer.Layer<Transport.Transport>): Target => ({
  name: `embedded, over HTTP (${name})`,
  live: true,
  layer: Layer.unwrapScoped(
    Effect.map(
      Serve.serve({ admin, interpreter }),
      ({ url }) => CouchHttp.layer({ url, auth: Auth.basic(username, password) }).pipe(Layer.provide(transport))
    )
  )
})

/** The server that COUCHDB_URL names. */
export const real = (name: string, transport: Layer.Layer<Transport.Transport>): Target => ({
  name: `CouchDB at COUCHDB_URL (${name})`,
  live: true,
  layer: CouchHttp.layerConfig().pipe(Layer.provide(transport))
})
