import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { NotFoundError } from "../../CouchError.js"
import type { CouchHttp, CouchRequest } from "../../CouchHttp.js"
import * as Json from "../../Json.js"
import * as Transport from "../../Transport.js"
import { notCouch } from "../notCouch.js"
import { ask, askFor, type Failure } from "./ask.js"

const self = "_local"

const segments = (path: ReadonlyArray<string>): string => path.map((name) => `/${encodeURIComponent(name)}`).join("")

const request = (
  method: CouchRequest["method"],
  node: string,
  route: string,
  path: ReadonlyArray<string>,
  body?: Json.Json
): CouchRequest => ({
  method,
  path: `/_node/${encodeURIComponent(node)}${segments(path)}`,
  route: `/_node/{node-name}${route}`,
  ...(body !== undefined && { body: Json.stringify(body) })
})

const Values = Schema.Record({ key: Schema.String, value: Schema.String })

export const config = (node = self) =>
  askFor(Schema.Record({ key: Schema.String, value: Values }), request("GET", node, "/_config", ["_config"]))

export const section = (section: string, node = self) =>
  askFor(Values, request("GET", node, "/_config/{section}", ["_config", section]))

const setting = (
  method: CouchRequest["method"],
  node: string,
  section: string,
  key: string,
  body?: string
): Effect.Effect<string, Failure, CouchHttp> =>
  askFor(Schema.String, request(method, node, "/_config/{section}/{key}", ["_config", section, key], body))

const ifThere = <A, R>(self: Effect.Effect<A, Failure, R>) =>
  Effect.catchIf(
    Effect.asSome(self),
    (error): error is NotFoundError => error._tag === "NotFoundError" && error.reason === "unknown_config_value",
    () => Effect.succeedNone
  )

export const value = (section: string, key: string, node = self) => ifThere(setting("GET", node, section, key))

export const setValue = (section: string, key: string, value: string, node = self) =>
  setting("PUT", node, section, key, value)

export const deleteValue = (section: string, key: string, node = self) => ifThere(setting("DELETE", node, section, key))

export const reload = (node = self) =>
  Effect.asVoid(ask(request("POST", node, "/_config/_reload", ["_config", "_reload"], {})))

export const name = (node = self) =>
  Effect.map(askFor(Schema.Struct({ name: Schema.String }), request("GET", node, "", [])), ({ name }) => name)

const json = (request: CouchRequest): Effect.Effect<Json.Json, Failure, CouchHttp> =>
  Effect.flatMap(ask(request), (response) =>
    Either.match(Json.parse(Transport.text(response)), {
      onLeft: () => Effect.fail(notCouch(request, response.status, "the answer is not JSON")),
      onRight: Effect.succeed
    }))

export const stats = (path: ReadonlyArray<string> = [], node = self) =>
  json(request("GET", node, "/_stats", ["_stats", ...path]))

export const system = (node = self) => json(request("GET", node, "/_system", ["_system"]))

export const versions = (node = self) => json(request("GET", node, "/_versions", ["_versions"]))

export const prometheus = (node = self) =>
  Effect.map(
    ask({ ...request("GET", node, "/_prometheus", ["_prometheus"]), headers: { accept: "text/plain" } }),
    Transport.text
  )
