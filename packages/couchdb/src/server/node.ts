import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Json from "../data/Json.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { CouchHttp, type CouchRequest } from "../http/CouchHttp.js"
import type { NotFoundError } from "../http/errors.js"
import { executeDecoded } from "../http/executeDecoded.js"
import { type Failure, send, sendDecoded, sendOk } from "../http/send.js"
import * as Transport from "../http/Transport.js"
import { jsonProblem } from "../http/verification.js"

const localNode = "_local"

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

export const config = (node = localNode) =>
  sendDecoded(Schema.Record({ key: Schema.String, value: Values }), request("GET", node, "/_config", ["_config"]))

export const section = (section: string, node = localNode) =>
  sendDecoded(Values, request("GET", node, "/_config/{section}", ["_config", section]))

const setting = (
  method: CouchRequest["method"],
  node: string,
  section: string,
  key: string,
  body?: string
): Effect.Effect<string, Failure, CouchHttp> =>
  sendDecoded(Schema.String, request(method, node, "/_config/{section}/{key}", ["_config", section, key], body))

const optionalValue = <A, R>(self: Effect.Effect<A, Failure, R>) =>
  Effect.catchIf(
    Effect.asSome(self),
    (error): error is NotFoundError => error._tag === "NotFoundError" && error.reason === "unknown_config_value",
    () => Effect.succeedNone
  )

export const value = (section: string, key: string, node = localNode) =>
  optionalValue(setting("GET", node, section, key))

export const setValue = (section: string, key: string, value: string, node = localNode) =>
  setting("PUT", node, section, key, value)

export const deleteValue = (section: string, key: string, node = localNode) =>
  optionalValue(setting("DELETE", node, section, key))

export const reload = (node = localNode) =>
  sendOk({ ...request("POST", node, "/_config/_reload", ["_config", "_reload"], {}), idempotent: true })

export const name = (node = localNode) =>
  Effect.map(sendDecoded(Schema.Struct({ name: Schema.String }), request("GET", node, "", [])), ({ name }) => name)

const json = (request: CouchRequest): Effect.Effect<Json.Json, Failure, CouchHttp> =>
  Effect.flatMap(
    CouchHttp,
    (couch) =>
      conflictAsBadRequest(
        executeDecoded(couch, request, (response) =>
          Either.flatMap(
            Either.mapLeft(Json.parse(Transport.text(response)), () => "the response is not JSON"),
            (json) =>
              Either.fromNullable(
                jsonProblem(json, response, Json.isObject) === undefined ? json : undefined,
                () => "the response is not what CouchDB's endpoint returns"
              )
          ))
      )
  )

export const stats = (path: ReadonlyArray<string> = [], node = localNode) =>
  json(request("GET", node, "/_stats", ["_stats", ...path]))

export const system = (node = localNode) => json(request("GET", node, "/_system", ["_system"]))

export const versions = (node = localNode) => json(request("GET", node, "/_versions", ["_versions"]))

export const prometheus = (node = localNode) =>
  Effect.map(
    send({
      ...request("GET", node, "/_prometheus", ["_prometheus"]),
      headers: { accept: "text/plain" },
      verify: (response) =>
        /^# TYPE \w/m.test(Transport.text(response)) ? undefined : "the response is not a list of metrics"
    }),
    Transport.text
  )
