import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { CheckedReply, Context } from "../access/context.js"
import { byMethod } from "../access/context.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, notImplemented, refuse } from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"

const found = (body: Json.Json): CheckedReply => Either.right(Response.json(200, body))

const counter = (value: number, desc: string): Json.JsonObject => ({ value, type: "counter", desc })

const methods = ["COPY", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]

const statuses = [
  ...[200, 201, 202, 204, 206, 301, 302, 304, 400, 401, 403, 404, 405, 406, 409, 412, 413, 414, 415, 416, 417, 500],
  ...[501, 503]
]

/** The statistics that the engine has. CouchDB has many more. */
const statistics = ({ server: { node } }: Context): Json.JsonObject => ({
  couchdb: {
    httpd: { requests: counter(node.requests, "number of HTTP requests") },
    httpd_request_methods: Json.fromEntries(
      methods.map((name) => [name, counter(node.methods.get(name) ?? 0, `number of HTTP ${name} requests`)])
    ),
    httpd_status_codes: Json.fromEntries(
      statuses.map((code) => [
        String(code),
        counter(node.statusCodes.get(code) ?? 0, `number of HTTP ${code} responses`)
      ])
    )
  }
})

const valueAt = (value: Json.Json, path: ReadonlyArray<string | undefined>): Json.Json => {
  let inner: Json.Json | undefined = value
  for (const name of path) inner = inner !== undefined && Json.isObject(inner) ? Json.get(inner, name ?? "") : undefined
  return inner ?? null
}

const unknownValue = refuse(404, "not_found", "unknown_config_value")

const setting = (context: Context, section: string, key: string): CheckedReply => {
  const { config } = context.server.node
  const before = config.get(section)?.get(key)
  return byMethod(context, {
    GET: () => before === undefined ? unknownValue : found(before),
    PUT: () =>
      Either.flatMap(Req.json(context.request), (value) => {
        if (typeof value !== "string") return badRequest("a JSON string expected")
        const values = config.get(section) ?? new Map<string, string>()
        config.set(section, values.set(key, value))
        return found(before ?? "")
      }),
    DELETE: () => {
      if (before === undefined) return unknownValue
      config.get(section)?.delete(key)
      return found(before)
    }
  }, "GET,PUT,DELETE")
}

const config = (context: Context, path: ReadonlyArray<string | undefined>): CheckedReply => {
  const { config } = context.server.node
  const [section, key] = path
  if (section !== undefined && key !== undefined) return setting(context, section, key)
  if (section === "_reload") return byMethod(context, { POST: () => found({ ok: true }) }, "POST")
  const sections = Array.from(config, ([name, values]) => [name, Json.fromEntries(Array.from(values))] as const)
  return byMethod(context, {
    GET: () =>
      section === undefined ? found(Json.fromEntries(sections)) : found(Object.fromEntries(sections)[section] ?? {})
  }, "GET")
}

const system = ({ now, server }: Context): CheckedReply =>
  found({ uptime: Math.floor((now - server.node.started) / 1000), run_queue: 0, message_queues: {} })

const versions = ({ server }: Context): CheckedReply =>
  found({
    javascript_engine: { name: server.functions.interpreter === undefined ? "none" : "the interpreter that was given" },
    collation_driver: { name: "Intl.Collator" }
  })

/** Checks that the path names this node. */
const checkNode = ({ server: { node } }: Context, name: string): Checked<void> =>
  name === "_local" || name === node.name ? Either.void : refuse(404, "not_found", `no such node: ${name}`)

/** `/_node/{name}…` */
export const handle = (context: Context): CheckedReply => {
  const [, name, what, ...path] = context.request.segments
  if (name === undefined) return badRequest("Incomplete path to _node request")
  const get = (respond: () => CheckedReply): CheckedReply => byMethod(context, { GET: respond }, "GET")
  return Either.flatMap(checkNode(context, name), () => {
    switch (what) {
      case undefined:
        return get(() => found({ name: context.server.node.name }))
      case "_stats":
        return get(() => found(valueAt(statistics(context), path)))
      case "_config":
        return config(context, path)
      case "_system":
        return get(() => system(context))
      case "_versions":
        return get(() => versions(context))
      case "_prometheus":
      case "_restart":
      case "_smoosh":
        return notImplemented(`_node/_local/${what}`)
      default:
        return refuse(404, "not_found", "no_db_file")
    }
  })
}
