import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Scope } from "effect/Scope"
import type { Place } from "./replicas.js"

const withAuthority = (url: URL): { readonly origin: string; readonly headers: Readonly<Record<string, string>> } => ({
  origin: url.origin,
  headers: url.username === "" ? {} : {
    authorization: `Basic ${
      Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString("base64")
    }`
  }
})

/** The databases of the servers that the URLs name. */
export const placesAt: Effect.Effect<(url: URL, database: string) => Place, never, Scope> = Effect.map(
  Layer.build(Transport.layerHttpClient().pipe(Layer.provide(FetchHttpClient.layer))),
  (context) => {
    const transport = context.unsafeMap.get(Transport.Transport.key) as Transport.Service
    return (url, database) => {
      const { headers, origin } = withAuthority(url)
      return { database, request: (request) => transport.request({ ...request, origin }), headers }
    }
  }
)
