import { layer } from "@effect/vitest"
import type { Vitest } from "@effect/vitest"
import { Collection, CouchHttp, Database } from "effect-couchdb"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Scope } from "effect/Scope"

/** Something that answers as CouchDB does. `live` says that real time passes there. */
export interface Target {
  readonly name: string
  readonly live: boolean
  readonly layer: Layer.Layer<CouchHttp.CouchHttp, unknown>
}

export type It = Vitest.MethodsNonLive<CouchHttp.CouchHttp, boolean>

/** A group of tests that holds for every target. */
export type Contract = (it: It) => void

export const run = (target: Target, contracts: Readonly<Record<string, Contract>>): void => {
  layer(target.layer, { excludeTestServices: target.live })(target.name, (it) => {
    for (const contract of Object.values(contracts)) contract(it as It)
  })
}

/** The name of a database that no other test has, and that is gone when the scope closes. */
export const database: Effect.Effect<string, never, CouchHttp.CouchHttp | Scope> = Effect.acquireRelease(
  Effect.sync(() => `contract-${globalThis.crypto.randomUUID()}`).pipe(
    Effect.tap((name) => Effect.orDie(Database.create(name)))
  ),
  (name) => Effect.ignore(Database.delete(name))
)

export const Butterfly = Schema.Struct({ name: Schema.String, seen: Schema.Number })
export type Butterfly = typeof Butterfly.Type

/** A collection of butterflies in a database of its own. */
export const butterflies = Effect.map(database, (name) => Collection.make(name, Butterfly))

/** A request of one's own, for what no operation would send. */
export const raw = (method: CouchHttp.CouchRequest["method"], path: string, body?: unknown) =>
  Effect.flatMap(CouchHttp.CouchHttp, (couch) =>
    couch.execute({
      method,
      path,
      route: path,
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) })
    }))

/** The text of a document as the server has it. */
export const stored = (database: string, id: string, query = "") =>
  Effect.map(
    raw("GET", `/${encodeURIComponent(database)}/${encodeURIComponent(id)}${query}`),
    (response) => String(response.body instanceof Uint8Array ? new TextDecoder().decode(response.body) : response.body)
  )
